"""The table of conditions for people has every condition that the code can raise."""

import re
from pathlib import Path

import rpm_service
from rpm_service.domain.conditions import EQUIPMENT
from rpm_service.domain.standstill import STANDSTILL

CODE = Path(rpm_service.__file__).parent
TABLE = CODE.parent / "docs" / "conditions.md"
NAMED = re.compile(r'(?:Condition|RecentCondition)\(\s*(?:board, )?"([A-Z0-9_]+)"')


def test_every_condition_is_in_the_table() -> None:
    parts = [*(CODE / "domain").glob("*.py"), *(CODE / "application").glob("*.py")]
    raised = {found for part in parts for found in NAMED.findall(part.read_text())}
    assert {"CONNECTION_LOST", "SEQUENCE_GAP", "INVALID_DATA", "METRIC_STALE"} <= raised
    raised |= set(STANDSTILL.values()) | {f"{word}_LOW" for word in EQUIPMENT.values()}
    listed = set(re.findall(r"[A-Z0-9_]{3,}", TABLE.read_text()))
    assert raised <= listed, "missing from docs/conditions.md"
