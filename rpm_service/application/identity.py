"""Who is at the other end of a connection, as its certificate says."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
"""A device, gateway, user or monitor name: starts alphanumeric, at most 63 characters."""

_ID = re.compile(ID_PATTERN)


class Role(StrEnum):
    """What a peer may be; the value is the word in its SPIFFE path."""

    DEVICE = "device"
    GATEWAY = "gateway"
    USER = "user"


class CertificateRefused(Exception):
    """A certificate that TLS let through and this service does not; one line says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Identity:
    """A peer whose certificate was accepted.

    `fingerprint` is the SHA-256 of the certificate in lower-case hex; `not_after` is in Unix
    seconds and never later than the end of the certificate authority that vouches for it.
    """

    role: Role
    id: str
    tenant: str
    fingerprint: str
    not_after: float

    def may_speak_for(self, mds_id: str) -> bool:
        """Tell whether this peer may send what the monitor `mds_id` measures.

        A device speaks for itself; the gateway G for the monitors `G/<name>` and not for G; a
        user for none.
        """
        match self.role:
            case Role.DEVICE:
                return mds_id == self.id
            case Role.GATEWAY:
                owner, slash, name = mds_id.partition("/")
                return owner == self.id and slash == "/" and _ID.fullmatch(name) is not None
            case Role.USER:
                return False
            case _:
                assert_never(self.role)
