"""Alarm limits on the wire."""

from rpm_service.application.effects import LimitOverride
from rpm_service.domain.limits import LADDER, MetricLimits
from rpm_service.v1 import monitoring_pb2, telemetry_pb2


def limits_of(wire: telemetry_pb2.MetricLimits) -> MetricLimits:
    """Reads alarm limits; their metric stands beside them."""
    ladder = {name: getattr(wire, name) for name in LADDER if wire.HasField(name)}
    return MetricLimits(
        **ladder,
        delay_s=wire.delay_s,
        extreme_delay_s=wire.extreme_delay_s,
        hysteresis=wire.hysteresis,
        hold_s=wire.hold_s,
        latching=wire.latching,
    )


def limits_to_wire(metric: str, limits: MetricLimits) -> telemetry_pb2.MetricLimits:
    """Alarm limits of one metric."""
    return telemetry_pb2.MetricLimits(
        metric=metric,
        low=limits.low,
        high=limits.high,
        extreme_low=limits.extreme_low,
        extreme_high=limits.extreme_high,
        delay_s=limits.delay_s,
        extreme_delay_s=limits.extreme_delay_s,
        hysteresis=limits.hysteresis,
        hold_s=limits.hold_s,
        latching=limits.latching,
    )


def override_to_wire(override: LimitOverride) -> monitoring_pb2.LimitOverride:
    """Who set limits of a patient's own, and until when."""
    return monitoring_pb2.LimitOverride(
        by=override.by, since=override.since, until=override.until, reason=override.reason
    )
