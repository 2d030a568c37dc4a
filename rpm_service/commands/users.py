"""`rpm-service users`: local accounts of the page, also beside a running server."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rpm_service.application.access import Part
from rpm_service.commands.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from rpm_service.adapters.web.accounts_file import Account

users_app: Final = typer.Typer(
    no_args_is_help=True, help="Who may sign in to the page with a password."
)

Data = Annotated[
    Path, typer.Option("--data", metavar="DIR", help="The data directory of the server.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="As it is typed to sign in.")]
Units = Annotated[
    list[str] | None,
    typer.Option("--unit", metavar="UNIT", help="Sees this unit; again for more."),
]
Hours = Annotated[
    float | None,
    typer.Option(
        "--hours", metavar="N", help="Signed in for so long; else 12, a wall without end."
    ),
]


@users_app.command()
def add(
    name: Name,
    role: Annotated[Part, typer.Option(help="A wall looks and never acts.")] = Part.CLINICIAN,
    unit: Units = None,
    hours: Hours = None,
    data: Data = Path("var"),
) -> None:
    """Make an account. The password is asked for, or is the first line of the input."""
    from rpm_service.adapters.web.accounts_file import Account

    password = _hashed_password()

    def make(accounts: "dict[str, Account]") -> None:
        if name in accounts:
            raise ValueError(f"{name} has an account; run `rpm-service users set {name}`")
        accounts[name] = Account(name, password, role, tuple(unit or ()), hours)

    _change(data, make)
    print(f"{name} may sign in")


@users_app.command("set")
def set_(
    name: Name,
    role: Annotated[Part | None, typer.Option(help="A wall looks and never acts.")] = None,
    unit: Units = None,
    all_units: Annotated[bool, typer.Option("--all-units", help="Sees every bed.")] = False,
    hours: Hours = None,
    usual_hours: Annotated[
        bool, typer.Option("--usual-hours", help="Signed in for as long as is usual.")
    ] = False,
    password: Annotated[
        bool, typer.Option("--password", help="A new one; ends the sessions of the old.")
    ] = False,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether they may sign in at all.")
    ] = None,
    data: Data = Path("var"),
) -> None:
    """Change what is named; a page that watches is changed within a second."""
    if unit and all_units:
        raise CommandError("--unit and --all-units: say one of them", ExitCode.USAGE)
    new_password = _hashed_password() if password else None

    def alter(accounts: "dict[str, Account]") -> None:
        known = _of(accounts, name)
        if role is not None:
            known = replace(known, role=role)
        if unit or all_units:
            known = replace(known, units=tuple(unit or ()))
        if hours is not None or usual_hours:
            known = replace(known, hours=hours)
        if new_password is not None:
            known = replace(known, password=new_password)
        if enabled is not None:
            known = replace(known, disabled=not enabled)
        accounts[name] = known

    _change(data, alter)
    print(f"{name} is changed")


@users_app.command()
def remove(name: Name, data: Data = Path("var")) -> None:
    """Remove an account; whoever is signed in with it is signed out within a second."""

    def drop(accounts: "dict[str, Account]") -> None:
        del accounts[_of(accounts, name).name]

    _change(data, drop)
    print(f"{name} may not sign in any more")


@users_app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    data: Data = Path("var"),
) -> None:
    """List accounts, without their passwords."""
    from rpm_service.adapters.web.accounts_file import AccountsUnreadable, read

    try:
        accounts = read(_existing(data))
    except AccountsUnreadable as error:
        raise CommandError(str(error), ExitCode.INPUT) from error
    for account in accounts.values():
        if as_json:
            known = {
                "name": account.name,
                "role": account.role.value,
                "units": list(account.units),
                "hours": account.hours,
                "disabled": account.disabled,
            }
            print(json.dumps(known))
            continue
        sees = ", ".join(account.units) or "all units"
        lasts = "" if account.hours is None else f", {account.hours:g} h"
        print(f"{account.name}: {account.role.value}, {sees}{lasts}{_state(account)}")


def _state(account: "Account") -> str:
    return ", disabled" if account.disabled else ""


def _of(accounts: "dict[str, Account]", name: str) -> "Account":
    if name not in accounts:
        raise ValueError(f"{name} has no account; run `rpm-service users list`")
    return accounts[name]


def _existing(data: Path) -> Path:
    if not data.is_dir():
        raise CommandError(
            f"{data} is no data directory: run `rpm-service serve --data {data}` first",
            ExitCode.INPUT,
        )
    return data


def _change(data: Path, how: "Callable[[dict[str, Account]], None]") -> None:
    from rpm_service.adapters.web.accounts_file import AccountsUnreadable, change

    try:
        change(_existing(data), how)
    except ValueError as error:
        raise CommandError(str(error), ExitCode.USAGE) from error
    except AccountsUnreadable as error:
        raise CommandError(str(error), ExitCode.INPUT) from error
    except OSError as error:
        raise CommandError(
            f"{data} cannot be written: {error.strerror}; run this as the server's own user",
            ExitCode.INPUT,
        ) from error


def _hashed_password() -> str:
    """Asks for a password, twice at a terminal; from elsewhere it is one line."""
    from rpm_service.adapters.web.passwords import fault_of, hashed

    if sys.stdin.isatty():
        from getpass import getpass

        password = getpass("Password: ")
        if getpass("Again: ") != password:
            raise CommandError("the passwords differ; nothing is changed", ExitCode.USAGE)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    fault = fault_of(password)
    if fault is not None:
        raise CommandError(fault, ExitCode.USAGE)
    return hashed(password)
