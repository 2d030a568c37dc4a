"""Errors that a person can act on, and the exit codes they end with."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended; documented in docs/commands.md."""

    OK = 0
    FAILED = 1
    """Something went wrong that none of the codes below names."""
    USAGE = 2
    """The command line itself is wrong: unknown option, unknown metric, value out of bounds."""
    CERTIFICATES = 3
    """Certificates are missing, unreadable or do not fit."""
    INPUT = 4
    """A recording or another input cannot be read."""
    BUSY = 5
    """A port is taken, or another server holds the data directory."""
    UNREACHABLE = 6
    """The server cannot be reached, or refused this identity."""
    NOT_BUILT = 7
    """The web page has not been built."""
    STORAGE = 8
    """The disk has failed, or did not take the last of it."""
    BLOCKED = 9
    """The server was blocked and has ended itself."""


class CommandError(Exception):
    """Says in one line what is wrong and what to do; ends the command without a traceback."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code
