"""`rpm-service db`: copies of the database, made, checked and put back."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rpm_service.commands.database import Data
from rpm_service.commands.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from rpm_service.adapters.storage.copies import Heads, Progress

db_app = typer.Typer(
    no_args_is_help=True,
    help="Copy the database, check it, and put a copy back.",
    add_completion=False,
)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]


@db_app.command()
def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="The copy; must not be there yet.")],
    data: Data = Path("var"),
    as_json: AsJson = False,
) -> None:
    """Copy the database into one file, also beside a running server, and check the copy."""
    from rpm_service.adapters.storage.copies import copy

    with _said(), _progress("copying") as progress:
        heads = copy(data, to, progress)
    _tell(heads, f"{to} is a whole copy", as_json=as_json)


@db_app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A copy; else the database of --data.")
    ] = None,
    data: Data = Path("var"),
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON", help="What --json printed earlier: nothing since was cut off."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a database whole, and recompute the chains of the journal and of all acts."""
    from rpm_service.adapters.storage.copies import check_against, check_copy
    from rpm_service.adapters.storage.engine import DATABASE

    path = file or data / DATABASE
    with _said():
        heads = check_copy(path)
        if against is not None:
            check_against(path, _read(against))
    _tell(heads, f"{path} is whole", as_json=as_json)


@db_app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `db backup` made.")],
    data: Data = Path("var"),
    replace: Annotated[
        bool, typer.Option("--replace", help="Move the database that is there aside.")
    ] = False,
) -> None:
    """Make a copy the database of a data directory, while no server runs on it."""
    from rpm_service.adapters.storage.copies import put_back

    with _said(), _progress("restoring") as progress:
        aside = put_back(file, data, replace=replace, progress=progress)
    if aside is not None:
        print(f"the database that was there is {aside}")
    print(f"restored {file} to {data}")


@contextmanager
def _said() -> Iterator[None]:
    from rpm_service.adapters.storage.errors import DataDirectoryBusy, StorageError

    try:
        yield
    except DataDirectoryBusy as error:
        raise CommandError(str(error), ExitCode.BUSY) from error
    except StorageError as error:
        raise CommandError(str(error), ExitCode.INPUT) from error


@contextmanager
def _progress(what: str) -> "Iterator[Progress]":
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(file=sys.stderr)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda done: bar.update(task, completed=done)


def _tell(heads: "Heads", line: str, *, as_json: bool) -> None:
    if as_json:
        objects = {
            name: {"number": head.number, "hash": head.hash.hex()}
            for name, head in heads._asdict().items()
        }
        print(json.dumps(objects))
        return
    print(f"{line}: {heads.journal.number} alarm events, {heads.acts.number} acts, chains unbroken")


def _read(path: Path) -> "Heads":
    from rpm_service.adapters.storage.copies import Heads
    from rpm_service.adapters.storage.ledger import Head

    def head(found: Any) -> Head:
        return Head(int(found["number"]), bytes.fromhex(found["hash"]))

    try:
        known = json.loads(path.read_text())
        return Heads(head(known["journal"]), head(known["acts"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(
            f"{path} is not what `db verify --json` printed", ExitCode.INPUT
        ) from error
