"""What a device's program may have to catch."""


class Refused(Exception):
    """The server will never take this device as it is; trying again would not help."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        """Name of the gRPC status ("PERMISSION_DENIED"), or the field that was refused."""
        self.reason = reason
        """The server's own words."""


class CredentialsUnusable(Exception):
    """A certificate or key is missing, unreadable, expired, or does not fit the other."""


class SpoolUnusable(Exception):
    """The file of a spool cannot be used, or another process uses it."""


class ProtocolViolated(Exception):
    """The server said what the contract does not allow at this point."""
