"""Words of the contract, as plain enums.

Members carry the same names as in the contract, without its prefixes; a test holds the two
together.
"""

from enum import Enum, auto


class Validity(Enum):
    """Whether a value may be used."""

    VALID = auto()
    """Measured and good."""
    QUESTIONABLE = auto()
    """Measured, but the device doubts it: shown marked, still judged against the limits."""
    INVALID = auto()
    """Not to be used (leads off, probe off, calibrating): not judged, a technical alarm says so."""
    MISSING = auto()
    """There is no value; the same as NaN."""


class AlarmKind(Enum):
    """What an alarm condition is about."""

    PHYSIOLOGICAL = auto()
    """The patient."""
    TECHNICAL = auto()
    """The equipment."""


class AlarmPriority(Enum):
    """How soon somebody must act (IEC 60601-1-8)."""

    LOW = auto()
    MEDIUM = auto()
    HIGH = auto()


class GoodbyeReason(Enum):
    """Why a device leaves on purpose."""

    STANDBY = auto()
    """The device pauses measuring."""
    DISCHARGE = auto()
    """The patient has left."""
    SHUTDOWN = auto()
    """The device is being turned off."""
