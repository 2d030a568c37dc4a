"""`rpm-service sign-in`: a new link for a browser."""

import time
from pathlib import Path
from typing import Annotated

import typer

from rpm_service.commands.errors import CommandError, ExitCode


def sign_in(
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="The data directory of the server.")
    ] = Path("var"),
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Who it is for.")] = (
        "clinician"
    ),
    web: Annotated[
        str, typer.Option("--web", metavar="HOST:PORT", help="Where the server's page is.")
    ] = "127.0.0.1:8443",
) -> None:
    """Print a link that signs a browser in once, within ten minutes; also beside a server."""
    from rpm_service.adapters.web.address import base_url, parse_address
    from rpm_service.adapters.web.sign_in import TooManyLinks, issue_link

    if not data.is_dir():
        raise CommandError(
            f"{data} is no data directory: run `rpm-service serve --data {data}` first",
            ExitCode.INPUT,
        )
    try:
        print(issue_link(data, user, base_url(*parse_address(web)), now=time.time()))
    except ValueError as error:
        raise CommandError(str(error), ExitCode.USAGE) from error
    except TooManyLinks as error:
        raise CommandError(str(error), ExitCode.BUSY) from error
    except OSError as error:
        raise CommandError(
            f"{data} cannot be written: {error.strerror}; run this as the server's own user",
            ExitCode.INPUT,
        ) from error
