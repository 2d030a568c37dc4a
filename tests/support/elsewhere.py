"""A ward whose beds are watched and whose calls are answered elsewhere.

For tests that are not about delivery: there is no BED_NOT_COVERED and no NOT_DELIVERED.
"""

from rpm_service.application.units import Unit, Units

ELSEWHERE = Units(other=Unit(escalation=(), covers=False))
