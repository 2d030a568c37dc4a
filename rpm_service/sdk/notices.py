"""What the server tells a device's program."""

from dataclasses import dataclass

from rpm_service.v1 import telemetry_pb2


@dataclass(frozen=True, slots=True)
class Refusal:
    """A frame, or a part of it, that the server did not take."""

    number: int
    """The number that observe returned; 0 where it cannot be told."""
    field: str
    """The field at fault, e.g. "observations.entries[0].values[3]"."""
    reason: str
    will_retry: bool
    """Whether the frame will be sent again; otherwise what was refused is gone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Alarm limits of one metric, in its unit; None where there is none."""

    metric: str
    low: float | None
    high: float | None
    extreme_low: float | None
    extreme_high: float | None


@dataclass(frozen=True, slots=True)
class Settings:
    """The alarm limits in force for one monitor, for display at the bedside."""

    mds: int
    limits: tuple[Limits, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether somebody can be called to the patient of one monitor.

    Where nobody can, the device should signal as loudly as if it stood alone.
    """

    mds: int
    covered: bool


def settings_from(settings: telemetry_pb2.Settings) -> Settings:
    """Reads the server's settings."""
    return Settings(
        settings.mds,
        tuple(
            Limits(
                limits.metric,
                limits.low if limits.HasField("low") else None,
                limits.high if limits.HasField("high") else None,
                limits.extreme_low if limits.HasField("extreme_low") else None,
                limits.extreme_high if limits.HasField("extreme_high") else None,
            )
            for limits in settings.limits
        ),
    )
