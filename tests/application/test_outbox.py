"""What waits to be sent, and when it is tried."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from rpm_service.application.effects import Notice
from rpm_service.application.outbox import (
    ATTEMPTS_MAX,
    BACKOFF_S_MAX,
    FAILING_S,
    GIVE_UP_S,
    NOTICES_MAX,
    Outbox,
    is_too_old,
)

NOW = 1_800_000_000.0


def notice(number: int, unit: str = "icu", at: float = NOW) -> Notice:
    return Notice(f"n{number}", at, unit, "bed-7", 1, number, 1, "SPO2_LOW", "HIGH", at)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def ids(notices: list[Notice]) -> list[str]:
    return [each.notice_id for each in notices]


def one_due(outbox: Outbox, now: float) -> Notice:
    (each,) = outbox.due(now)
    return each


@pytest.mark.spec("HOOK-6")
def test_a_unit_gets_one_at_a_time_and_in_order(outbox: Outbox) -> None:
    outbox.add([notice(1), notice(2), notice(3, "ward")], NOW)
    first, other = outbox.due(NOW)
    assert ids([first, other]) == ["n1", "n3"]
    assert outbox.due(NOW + 100) == []
    outbox.taken(first, NOW + 100)
    assert one_due(outbox, NOW + 100).notice_id == "n2"


@pytest.mark.spec("HOOK-1")
def test_what_was_taken_is_told_once(outbox: Outbox) -> None:
    outbox.add([notice(1)], NOW)
    outbox.taken(one_due(outbox, NOW), NOW + 2)
    assert outbox.take_sent() == {"n1": NOW + 2}
    assert outbox.take_sent() == {}
    assert (len(outbox), outbox.due(NOW + 9)) == (0, [])


@pytest.mark.spec("HOOK-1")
def test_one_that_waits_already_is_not_taken_twice(outbox: Outbox) -> None:
    outbox.add([notice(1)], NOW)
    outbox.add([notice(1)], NOW)
    outbox.taken(one_due(outbox, NOW), NOW)
    assert outbox.due(NOW + 100) == []


@pytest.mark.spec("HOOK-5")
@pytest.mark.parametrize(("jitter", "share"), [(0.0, 0.5), (1.0, 1.0)])
def test_a_refusal_is_tried_again_later_and_later(
    outbox: Outbox, jitter: float, share: float
) -> None:
    outbox.add([notice(1)], NOW)
    now = NOW
    for wait_s in (1, 2, 4, 8, 16, 32, 60, 60):
        outbox.refused(one_due(outbox, now), now, jitter)
        assert outbox.due(now + share * wait_s - 0.01) == []
        now += share * wait_s
    assert one_due(outbox, now)


@pytest.mark.spec("HOOK-5")
def test_once_taken_again_it_is_as_before(outbox: Outbox) -> None:
    outbox.add([notice(1), notice(2)], NOW)
    now = NOW
    for _ in range(5):
        outbox.refused(one_due(outbox, now), now, 1.0)
        now += 60
    outbox.taken(one_due(outbox, now), now)
    outbox.refused(one_due(outbox, now), now, 1.0)
    assert one_due(outbox, now + 1)


@pytest.mark.spec("HOOK-6")
def test_one_that_is_never_taken_holds_up_no_other(outbox: Outbox) -> None:
    outbox.add([notice(1), notice(2)], NOW)
    outbox.refused(one_due(outbox, NOW), NOW, 1.0)
    second = one_due(outbox, NOW + 1)
    assert second.notice_id == "n2"
    outbox.taken(second, NOW + 1)
    assert one_due(outbox, NOW + 1).notice_id == "n1"


@pytest.mark.spec("HOOK-6")
def test_a_new_one_is_tried_at_once(outbox: Outbox) -> None:
    outbox.add([notice(1)], NOW)
    now = NOW
    for _ in range(8):
        outbox.refused(one_due(outbox, now), now, 1.0)
        now += 60
    outbox.refused(one_due(outbox, now), now, 1.0)
    assert outbox.due(now + 1) == []
    outbox.add([notice(2)], now + 1)
    first = one_due(outbox, now + 1)
    # Also where one is on its way just then.
    outbox.add([notice(3)], now + 2)
    outbox.refused(first, now + 3, 1.0)
    assert one_due(outbox, now + 4).notice_id == "n2"


@pytest.mark.spec("HOOK-7")
def test_so_many_wait_and_so_many_are_on_their_way(outbox: Outbox) -> None:
    assert outbox.add((notice(n, f"unit {n % 10}") for n in range(NOTICES_MAX + 3)), NOW) == 3
    assert len(outbox) == NOTICES_MAX
    on_their_way = outbox.due(NOW)
    assert len(on_their_way) == ATTEMPTS_MAX
    assert outbox.due(NOW) == []
    outbox.refused(on_their_way[0], NOW, 0.0)
    assert len(outbox.due(NOW)) == 1


@pytest.mark.spec("HOOK-5")
def test_a_call_of_yesterday_is_not_worth_sending() -> None:
    assert not is_too_old(notice(1), NOW + GIVE_UP_S)
    assert is_too_old(notice(1), NOW + GIVE_UP_S + 1)


@pytest.mark.spec("HOOK-5")
def test_what_is_given_up_is_never_marked_as_sent(outbox: Outbox) -> None:
    outbox.add([notice(1)], NOW)
    outbox.give_up(one_due(outbox, NOW), NOW + 1)
    assert (len(outbox), outbox.take_sent()) == (0, {})
    assert outbox.take_given_up() == {"n1": NOW + 1}
    assert outbox.take_given_up() == {}


@pytest.mark.spec("HOOK-8")
def test_a_receiver_that_takes_nothing_for_a_minute_is_failing_until_it_takes_one(
    outbox: Outbox,
) -> None:
    outbox.add([notice(1), notice(2, "ward")], NOW)
    icu, ward = outbox.due(NOW)
    outbox.refused(icu, NOW, 1.0)
    outbox.taken(ward, NOW)
    assert not outbox.is_failing(NOW + FAILING_S - 1)
    assert outbox.is_failing(NOW + FAILING_S)
    outbox.refused(one_due(outbox, NOW + 70), NOW + 70, 1.0)
    assert outbox.is_failing(NOW + 70)
    outbox.give_up(one_due(outbox, NOW + 80), NOW + 80)
    assert outbox.is_failing(NOW + GIVE_UP_S), "nobody knows that it works again"
    outbox.add([notice(3)], NOW + GIVE_UP_S)
    outbox.taken(one_due(outbox, NOW + GIVE_UP_S), NOW + GIVE_UP_S)
    assert not outbox.is_failing(NOW + GIVE_UP_S)


class Crashing(RuleBasedStateMachine):
    """An outbox whose server dies at any time, beside what is on disk."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.calls = 0
        self.waiting: dict[str, Notice] = {}
        self.sent: list[str] = []
        self.on_their_way: list[Notice] = []
        self.outbox = Outbox()

    @rule(unit=st.sampled_from(["icu", "ward"]))
    def called(self, unit: str) -> None:
        self.calls += 1
        call = notice(self.calls, unit, self.now)
        self.waiting[call.notice_id] = call
        self.outbox.add([call], self.now)

    @rule(seconds=st.floats(0, 90))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def asked(self) -> None:
        due = self.outbox.due(self.now)
        units = [each.unit for each in (*self.on_their_way, *due)]
        assert len(units) == len(set(units)), "one at a time to a unit"
        self.on_their_way += due

    @precondition(lambda self: self.on_their_way)
    @rule(takes=st.booleans(), jitter=st.floats(0, 1))
    def answered(self, takes: bool, jitter: float) -> None:
        call = self.on_their_way.pop(0)
        if takes:
            self.sent.append(call.notice_id)
            self.outbox.taken(call, self.now)
        else:
            self.outbox.refused(call, self.now, jitter)

    @rule()
    def committed(self) -> None:
        for notice_id in self.outbox.take_sent():
            del self.waiting[notice_id]

    @rule()
    def killed(self) -> None:
        """What was not committed is forgotten; a new server reads what waits on disk."""
        self.on_their_way.clear()
        self.outbox = Outbox()
        self.outbox.add(self.waiting.values(), self.now)

    def teardown(self) -> None:
        """Once everybody takes what comes, everything comes."""
        while self.on_their_way:
            self.answered(takes=True, jitter=0.0)
        for _ in range(2 * len(self.waiting) + 2):
            self.now += BACKOFF_S_MAX
            self.asked()
            while self.on_their_way:
                self.answered(takes=True, jitter=0.0)
        assert set(self.waiting) <= set(self.sent)
        self.committed()
        assert self.waiting == {}


TestNoNoticeIsLost = Crashing.TestCase
TestNoNoticeIsLost.pytestmark = [pytest.mark.spec("HOOK-1"), pytest.mark.spec("HOOK-6")]
