"""The command line: `rpm-service`."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Final

import typer

from rpm_service.commands.errors import CommandError

COMMANDS: Final = {
    "serve": "rpm_service.commands.serve:serve",
    "demo": "rpm_service.commands.demo:demo",
    "watch": "rpm_service.commands.watch:watch",
    "acknowledge": "rpm_service.commands.acts:acknowledge",
    "accept": "rpm_service.commands.acts:accept",
    "pause": "rpm_service.commands.acts:pause",
    "resume": "rpm_service.commands.acts:resume",
    "limits": "rpm_service.commands.limits:limits_app",
    "evaluate": "rpm_service.commands.evaluate:evaluate_recording",
    "burden": "rpm_service.commands.burden:burden",
    "what-if": "rpm_service.commands.what_if:what_if",
    "replay": "rpm_service.commands.replay:replay",
    "simulate": "rpm_service.commands.simulate:simulate",
    "alarms": "rpm_service.commands.alarms:alarms",
    "samples": "rpm_service.commands.alarms:samples",
    "evidence": "rpm_service.commands.evidence:evidence",
    "assess": "rpm_service.commands.early_warning:assess",
    "scores": "rpm_service.commands.early_warning:scores",
    "certs": "rpm_service.commands.certs:certs_app",
    "db": "rpm_service.commands.database_copies:db_app",
    "sign-in": "rpm_service.commands.sign_in:sign_in",
    "users": "rpm_service.commands.users:users_app",
}
"""Each command and where it is. Only what is asked for is imported, so that it starts at once."""


def build(arguments: Sequence[str]) -> typer.Typer:
    """Builds the command that the arguments name, or all of them where they name none."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Remote patient monitoring: vital signs in, alarms decided, live to clinicians.",
    )
    app.callback(invoke_without_command=True)(_version)
    wanted = next((each for each in arguments if each in COMMANDS), None)
    for name, place in COMMANDS.items():
        if wanted not in (None, name):
            continue
        module, _, attribute = place.partition(":")
        command = getattr(import_module(module), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _version(*, show: bool = typer.Option(False, "--version", help="Say which version.")) -> None:
    if show:
        sys.stdout.write(f"rpm-service {version('rpm-service')}\n")
        raise typer.Exit


def main() -> None:
    """Runs a command. An error that a person can act on is one line, and an exit code."""
    # gRPC's core would write lines of its own beside ours, one for every failed handshake.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        build(sys.argv[1:])()
    except CommandError as error:
        sys.stderr.write(f"rpm-service: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
