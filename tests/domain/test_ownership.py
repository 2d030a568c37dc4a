import pytest

from rpm_service.domain.ownership import CannotAnswer, Ownership, OwnershipEvent, owner_after

OVER, UNDEFINED, ACCEPTED, REJECTED = (
    Ownership.OVER,
    Ownership.UNDEFINED,
    Ownership.ACCEPTED,
    Ownership.REJECTED,
)
EVENTS = (
    OwnershipEvent.CONDITION_STARTED,
    OwnershipEvent.CONDITION_ENDED,
    OwnershipEvent.PRIORITY_RAISED,
    OwnershipEvent.ACCEPT,
    OwnershipEvent.REJECT,
)
ILLEGAL = None
# One row a state, one column an event, in the order above; as in docs/spec/alarms.md.
ROWS = {
    OVER: (UNDEFINED, ILLEGAL, ILLEGAL, ILLEGAL, ILLEGAL),
    UNDEFINED: (ILLEGAL, OVER, UNDEFINED, ACCEPTED, REJECTED),
    ACCEPTED: (ILLEGAL, OVER, UNDEFINED, ACCEPTED, REJECTED),
    REJECTED: (ILLEGAL, OVER, UNDEFINED, ACCEPTED, REJECTED),
}
CELLS = [
    pytest.param(ownership, event, following, id=f"{ownership}-{event}")
    for ownership, row in ROWS.items()
    for event, following in zip(EVENTS, row, strict=True)
]


@pytest.mark.spec("ALARM-31")
@pytest.mark.parametrize(("ownership", "event", "following"), CELLS)
def test_ownership_follows_the_table(
    ownership: Ownership, event: OwnershipEvent, following: Ownership | None
) -> None:
    if following is ILLEGAL:
        with pytest.raises(CannotAnswer) as refused:
            owner_after(ownership, event)
        assert (refused.value.ownership, refused.value.event) == (ownership, event)
        assert event in str(refused.value)
        assert ownership in str(refused.value)
    else:
        assert owner_after(ownership, event) is following
