"""Where a server is, as a person types it, and what is said when it is not there."""

from typing import Annotated

import typer

from rpm_service.adapters.web.address import parse_address
from rpm_service.commands.errors import CommandError, ExitCode

ServerAddress = Annotated[
    str, typer.Option("--server", metavar="HOST:PORT", help="Where the server listens.")
]


def address(text: str) -> str:
    """Checks HOST:PORT."""
    try:
        parse_address(text)
    except ValueError as error:
        raise CommandError(str(error), ExitCode.USAGE) from error
    return text


def unreachable(server: str, why: str) -> CommandError:
    """The error of a server that was never reached; `why` is what came of the last try."""
    reason = why.removeprefix("UNKNOWN: ").removeprefix("UNAVAILABLE: ")
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        reason = "its certificate is of another authority; give the --certs of that server"
    else:
        reason += "; is a server running there?"
    return CommandError(f"{server} cannot be reached: {reason}", ExitCode.UNREACHABLE)
