"""How often somebody may guess: the table, and whatever order tries come in."""

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rpm_service.application import guesses as bounds
from rpm_service.application.guesses import OF_A_NAME, OF_AN_ADDRESS, Guesses, Patience, Tallies


@pytest.mark.spec("SIGNIN-10")
@pytest.mark.parametrize(
    ("patience", "failures", "pause_s"),
    [
        (OF_A_NAME, 0, 0),
        (OF_A_NAME, 2, 0),
        (OF_A_NAME, 3, 1),
        (OF_A_NAME, 4, 2),
        (OF_A_NAME, 9, 64),
        (OF_A_NAME, 10, 900),
        (OF_A_NAME, 11, 900),
        (OF_AN_ADDRESS, 9, 0),
        (OF_AN_ADDRESS, 10, 1),
        (OF_AN_ADDRESS, 16, 64),
        (OF_AN_ADDRESS, 29, 64),
        (OF_AN_ADDRESS, 30, 900),
    ],
)
def test_each_failure_makes_the_next_try_wait(
    patience: Patience, failures: int, pause_s: float
) -> None:
    assert patience.pause_s(failures) == pause_s


def refused_at(guesses: Guesses, now: float, name: str = "kim", address: str = "a") -> float:
    return guesses.begin(name, address, now)


@pytest.mark.spec("SIGNIN-10")
def test_a_name_is_locked_out_for_a_time_and_gets_one_try_after_it() -> None:
    guesses, now = Guesses(), 0.0
    for _ in range(10):
        wait_s = refused_at(guesses, now)
        now += wait_s
        assert not wait_s or refused_at(guesses, now) == 0
    assert refused_at(guesses, now) == 900
    assert refused_at(guesses, now + 899) == 1
    assert refused_at(guesses, now + 900) == 0, "one try"
    assert refused_at(guesses, now + 900) == 900, "and no fresh start"


@pytest.mark.spec("SIGNIN-10")
def test_tries_at_once_count_like_tries_one_after_the_other() -> None:
    guesses = Guesses()
    assert [refused_at(guesses, 0.0) for _ in range(5)] == [0, 0, 0, 1, 1]


@pytest.mark.spec("SIGNIN-10")
def test_a_right_password_forgets_what_its_name_had_wrong() -> None:
    guesses = Guesses()
    for _ in range(2):
        refused_at(guesses, 0.0)
    assert refused_at(guesses, 0.0) == 0
    guesses.right("kim", "a")
    assert [refused_at(guesses, 0.0) for _ in range(4)] == [0, 0, 0, 1]


@pytest.mark.spec("SIGNIN-10")
def test_a_right_password_buys_an_address_no_guesses_of_other_names() -> None:
    guesses = Guesses()
    for number in range(9):
        assert refused_at(guesses, 0.0, f"name-{number}") == 0
    assert refused_at(guesses, 0.0, "own") == 0
    guesses.right("own", "a")
    assert refused_at(guesses, 0.0, "name-9") == 0
    assert refused_at(guesses, 0.0, "name-10") > 0
    assert refused_at(guesses, 0.0, "name-10", "another address") == 0


@pytest.mark.spec("SIGNIN-10")
def test_failures_are_forgotten_one_by_one() -> None:
    tallies = Tallies(OF_A_NAME)
    for _ in range(4):
        tallies.fail("kim", 0.0)
    forget_s = OF_A_NAME.forget_s
    assert [tallies.failures("kim", n * forget_s) for n in range(6)] == [4, 3, 2, 1, 0, 0]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "TALLIES_MAX", 3)
    tallies = Tallies(OF_A_NAME)
    for name in "abcad":
        tallies.fail(name, 0.0)
    assert [tallies.failures(name, 0.0) for name in "abcd"] == [2, 0, 1, 1]


def test_a_try_that_could_not_be_judged_counts_for_nothing() -> None:
    guesses = Guesses()
    for _ in range(50):
        assert refused_at(guesses, 0.0) == 0
        guesses.undone("kim", "a")


class Guessing(RuleBasedStateMachine):
    """Names and addresses that are wrong and right at any time."""

    names = st.sampled_from(["kim", "lee", "nobody"])
    addresses = st.sampled_from(["a", "b"])

    def __init__(self) -> None:
        super().__init__()
        self.guesses = Guesses()
        self.now = 0.0
        self.wrong: dict[str, list[float]] = defaultdict(list)
        """When each name was wrong since it was last right."""

    @rule(seconds=st.sampled_from([0.5, 1, 3, 20, 70, 300, 900, 4000]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(name=names, address=addresses, right=st.booleans())
    def tries(self, name: str, address: str, right: bool) -> None:
        wait_s = self.guesses.begin(name, address, self.now)
        assert wait_s >= 0
        if wait_s:
            assert wait_s <= max(OF_A_NAME.lock_out_s, OF_AN_ADDRESS.lock_out_s)
            # What is refused changes nothing: not even how long there is to wait.
            assert self.guesses.begin(name, address, self.now) == wait_s
            return
        if right:
            self.guesses.right(name, address)
            self.wrong[name].clear()
        else:
            self.wrong[name].append(self.now)

    @rule(name=names, address=addresses)
    def waits_as_told(self, name: str, address: str) -> None:
        wait_s = self.guesses.begin(name, address, self.now)
        if wait_s:
            self.now += wait_s
            assert not self.guesses.begin(name, address, self.now)
        self.wrong[name].append(self.now)

    @invariant()
    def no_name_is_guessed_often(self) -> None:
        for at in self.wrong.values():
            times = [each for each in at if each > self.now - OF_A_NAME.lock_out_s]
            assert len(times) <= OF_A_NAME.lock_out_at + 1

    @invariant()
    def what_is_remembered_is_of_the_names_that_were_tried(self) -> None:
        tallies: Any = self.guesses._names._tallies
        assert set(tallies) <= {"kim", "lee", "nobody"}


Guessing.TestCase.settings = settings(max_examples=200, stateful_step_count=40)
test_guessing = pytest.mark.spec("SIGNIN-10")(Guessing.TestCase)
