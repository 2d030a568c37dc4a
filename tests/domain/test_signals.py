import pytest

from rpm_service.domain.signals import IllegalTransition, Presence, SignalEvent, after

OFF, ON, ACKNOWLEDGED, LATCHED = (
    Presence.OFF,
    Presence.ON,
    Presence.ACKNOWLEDGED,
    Presence.LATCHED,
)
EVENTS = (
    SignalEvent.CONDITION_STARTED,
    SignalEvent.CONDITION_ENDED,
    SignalEvent.ACKNOWLEDGED,
    SignalEvent.ACKNOWLEDGEMENT_EXPIRED,
    SignalEvent.PRIORITY_RAISED,
    SignalEvent.RESET,
)
ILLEGAL = None
# One row a state, one column an event, in the order above; as in docs/spec/alarms.md.
ROWS = {
    OFF: (ON, ILLEGAL, ILLEGAL, ILLEGAL, ILLEGAL, ILLEGAL),
    ON: (ILLEGAL, OFF, ACKNOWLEDGED, ILLEGAL, ON, ILLEGAL),
    ACKNOWLEDGED: (ILLEGAL, OFF, ILLEGAL, ON, ON, ILLEGAL),
    LATCHED: (ON, ILLEGAL, ILLEGAL, ILLEGAL, ILLEGAL, OFF),
}
CELLS = [
    pytest.param(presence, event, following, id=f"{presence}-{event}")
    for presence, row in ROWS.items()
    for event, following in zip(EVENTS, row, strict=True)
]


@pytest.mark.spec("ALARM-1")
@pytest.mark.parametrize(("presence", "event", "following"), CELLS)
def test_the_signal_follows_the_table(
    presence: Presence, event: SignalEvent, following: Presence | None
) -> None:
    if following is ILLEGAL:
        with pytest.raises(IllegalTransition) as refused:
            after(presence, event, latching=False)
        assert (refused.value.presence, refused.value.event) == (presence, event)
        assert event in str(refused.value)
        assert presence in str(refused.value)
    else:
        assert after(presence, event, latching=False) is following


@pytest.mark.spec("ALARM-1")
@pytest.mark.parametrize(("presence", "event", "following"), CELLS)
def test_a_latching_signal_differs_in_one_cell_only(
    presence: Presence, event: SignalEvent, following: Presence | None
) -> None:
    if following is ILLEGAL:
        with pytest.raises(IllegalTransition):
            after(presence, event, latching=True)
    elif (presence, event) == (ON, SignalEvent.CONDITION_ENDED):
        assert after(presence, event, latching=True) is LATCHED
    else:
        assert after(presence, event, latching=True) is following
