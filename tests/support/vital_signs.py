"""Numerics as a device would describe them, and reports of them."""

from rpm_service.application.effects import Description, Numeric
from rpm_service.domain.metrics import BY_NAME, UCUM


def numeric(name: str, period_s: float = 1.0) -> Numeric:
    metric = BY_NAME[name]
    return Numeric(
        name=name,
        code=metric.code,
        unit=metric.unit,
        ucum=UCUM[metric.unit],
        period_s=period_s,
        decimals=metric.decimals,
        plausible=(metric.low, metric.high),
    )


def description(*names: str) -> Description:
    return Description(tuple(numeric(name) for name in names))
