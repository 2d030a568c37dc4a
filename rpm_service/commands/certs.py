"""`rpm-service certs`: make, issue and show certificates."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rpm_service.commands.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from rpm_service.adapters.pki import Listed

DEFAULT_CERTS = Path("certs/dev")
HOUR_S = 3600.0

certs_app = typer.Typer(no_args_is_help=True, help="Make, issue and show certificates.")

Certs = Annotated[
    Path, typer.Option("--certs", metavar="DIR", help="Where certificates and keys lie.")
]
Hosts = Annotated[
    list[str] | None,
    typer.Option("--host", metavar="NAME", help="A further host name or address of the server."),
]


class Kind(StrEnum):
    """Whose certificate to issue; the name of its profile."""

    DEVICE = "device"
    GATEWAY = "gateway"
    VIEWER = "viewer"
    SERVER = "server"


@certs_app.command("init")
def init_certificates(
    certs: Certs = DEFAULT_CERTS,
    host: Hosts = None,
    trust_domain: Annotated[str, typer.Option(help="The first part of every name.")] = "rpm.local",
    tenant: Annotated[str, typer.Option(help="The organisation served.")] = "default",
    force: Annotated[bool, typer.Option("--force", help="Start over where some are.")] = False,
) -> None:
    """Make a root, the authorities of devices, users and servers, and a server certificate."""
    from rpm_service.adapters import pki

    with _one_line():
        pki.init(
            certs,
            now=time.time(),
            realm=pki.Realm(trust_domain, tenant),
            hosts=host or (),
            force=force,
        )
    print(f"made certificates in {certs}")


@certs_app.command("issue")
def issue_certificate(
    kind: Annotated[Kind, typer.Argument(help="Whose certificate it is.")],
    subject_id: Annotated[str, typer.Argument(metavar="ID", help="Such as bed-12.")],
    certs: Certs = DEFAULT_CERTS,
    days: Annotated[float | None, typer.Option(help="How long it lives.")] = None,
    hours: Annotated[float | None, typer.Option(help="How long it lives.")] = None,
    host: Hosts = None,
) -> None:
    """Issue a key and a certificate, or renew them; as long-lived as the profile allows."""
    from rpm_service.adapters import pki

    if days is not None and hours is not None:
        raise CommandError("give --days or --hours, not both", ExitCode.USAGE)
    if host and kind is not Kind.SERVER:
        raise CommandError("--host is for the certificate of a server", ExitCode.USAGE)
    if days is not None:
        hours = days * 24
    lifetime_s = None if hours is None else hours * HOUR_S
    with _one_line():
        file = pki.issue(
            certs, kind, subject_id, now=time.time(), lifetime_s=lifetime_s, hosts=host or ()
        )
    print(file)


@certs_app.command("show")
def show_certificates(
    certs: Certs = DEFAULT_CERTS,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False,
) -> None:
    """Show what lies in the directory, and what of it has expired."""
    import json
    from dataclasses import asdict

    from rpm_service.adapters import pki

    with _one_line():
        listed = pki.list_certificates(certs)
    now = time.time()
    if as_json:
        print(json.dumps([asdict(one) | {"expired": one.not_after < now} for one in listed]))
    else:
        _print_table(listed, now)


def _print_table(listed: "list[Listed]", now: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "role", "URI", "not after (UTC)", "fingerprint", "file", box=None)
    for one in listed:
        end = f"{datetime.fromtimestamp(one.not_after, UTC):%Y-%m-%d %H:%M}"
        expired = one.not_after < now
        table.add_row(
            one.name,
            one.role,
            one.uri or "",
            f"{end} EXPIRED" if expired else end,
            one.fingerprint[:16],
            one.file,
            style="red" if expired else None,
        )
    Console().print(table)


@contextmanager
def _one_line() -> Iterator[None]:
    """Turn what certificates can be wrong about into the one line that a person reads."""
    from rpm_service.adapters.pki import CertificatesError, OutsideProfile

    try:
        yield
    except OutsideProfile as error:
        raise CommandError(str(error), ExitCode.USAGE) from error
    except CertificatesError as error:
        raise CommandError(str(error), ExitCode.CERTIFICATES) from error
