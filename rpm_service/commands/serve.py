"""`rpm-service serve`: runs a server until it is told to stop."""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Final

import typer

from rpm_service.adapters.pki.directory import CertificatesError
from rpm_service.adapters.storage.errors import DataDirectoryBusy, StorageError
from rpm_service.adapters.storage.retention import Retention
from rpm_service.adapters.units.table import UnitsRefused
from rpm_service.adapters.web.accounts_file import AccountsUnreadable
from rpm_service.adapters.web.oidc_file import OidcRefused
from rpm_service.app import Server, Settings
from rpm_service.application.refusals import CannotGoOn, CannotStart, NotBuilt, PortTaken
from rpm_service.clock import TEST_MODE
from rpm_service.commands.address import address
from rpm_service.commands.database import UnitsFile
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.scope import duration
from rpm_service.commands.watchdog import watched

STOP_S_MAX: Final = 9.7
"""A server that has not stopped by then is ended by its own process, which says so."""
YOUNG_OBJECTS: Final = 50_000
"""New containers between two looks of the garbage collector."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
EXIT_CODES: Final = {
    CertificatesError: ExitCode.CERTIFICATES,
    PortTaken: ExitCode.BUSY,
    DataDirectoryBusy: ExitCode.BUSY,
    StorageError: ExitCode.INPUT,
    AccountsUnreadable: ExitCode.INPUT,
    OidcRefused: ExitCode.INPUT,
    NotBuilt: ExitCode.NOT_BUILT,
    UnitsRefused: ExitCode.INPUT,
    CannotStart: ExitCode.USAGE,
}
"""How the command ends for what keeps a server from starting; the first that fits."""


def serve(
    data: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path("var"),
    certs: Annotated[Path, typer.Option(help="Certificates; see `certs init`.")] = Path(
        "certs/dev"
    ),
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Devices and gRPC viewers, mutual TLS.")
    ] = "127.0.0.1:50051",
    web: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="The page, https; none without it.")
    ] = None,
    units: UnitsFile = None,
    keep_waveforms: Annotated[
        str, typer.Option(metavar="TIME", help="How long: 72h, 30d or forever.")
    ] = "72h",
    keep_numerics: Annotated[str, typer.Option(metavar="TIME", help="How long.")] = "365d",
    oidc: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The identity provider that signs people in."),
    ] = None,
    test_clock_rate: Annotated[float, typer.Option(hidden=True)] = 1.0,
) -> None:
    """Run a server: take devices in, decide alarms, show them to viewers."""
    if test_clock_rate != 1.0 and os.environ.get(TEST_MODE) != "1":
        raise CommandError(
            f"--test-clock-rate is for tests: set {TEST_MODE}=1, never at a bedside",
            ExitCode.USAGE,
        )
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # It would write down every address that it calls, and these may hold passwords.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    settings = Settings(
        data,
        certs,
        address(listen),
        web if web is None else address(web),
        test_clock_rate,
        units,
        Retention(
            duration("--keep-waveforms", keep_waveforms),
            duration("--keep-numerics", keep_numerics),
        ),
        oidc,
    )
    asyncio.run(run(settings))


async def run(settings: Settings) -> None:
    """Runs a server until SIGINT or SIGTERM, then drains it."""
    stopping = stop_requested()
    server = await started(settings)
    # What a start leaves behind stays for good: the collector need not look at it again, and
    # samples on their way to the disk hang together in no cycles that it could find.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    with watched(lambda reason: _end(reason, ExitCode.BLOCKED)):
        host = settings.listen.rpartition(":")[0]
        print(f"devices and viewers: {host}:{server.port}", flush=True)
        for line in server.welcome():
            print(line, flush=True)
        keeper = asyncio.create_task(server.run())
        waiter = asyncio.create_task(stopping.wait())
        await asyncio.wait((keeper, waiter), return_when=asyncio.FIRST_COMPLETED)
        await drained(server, keeper)


async def drained(server: Server, keeper: asyncio.Task[None]) -> None:
    """Stops a server, in bounded time; `keeper` runs it, and what ended it is raised.

    A disk that cannot be written ends the process here: see `_end`.
    """
    print("draining", flush=True)
    late = f"not stopped within {STOP_S_MAX:g} s; nothing that was acknowledged is lost"
    watchdog = threading.Timer(STOP_S_MAX, _end, (late, ExitCode.FAILED))
    watchdog.daemon = True
    watchdog.start()
    try:
        await server.stop()
        if keeper.done() and not keeper.cancelled():
            keeper.result()
    except CannotGoOn as error:
        _end(str(error), ExitCode.STORAGE)
    finally:
        watchdog.cancel()


def _end(reason: str, code: ExitCode) -> None:
    """Ends the process now: its exit would wait for threads, and these for the disk."""
    sys.stderr.write(f"rpm-service: {reason}\n")
    sys.stderr.flush()
    os._exit(code)


def stop_requested() -> asyncio.Event:
    """Gives what is set at SIGINT or SIGTERM, instead of an end in the middle of things.

    A second signal ends the process at once, as if it had been killed.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping.set()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    return stopping


async def started(settings: Settings) -> Server:
    """Starts a server, or says in one line why that is not possible."""
    try:
        server = Server(settings)
        await server.start()
    except (CertificatesError, CannotStart) as error:
        code = next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
        raise CommandError(str(error), code) from error
    return server
