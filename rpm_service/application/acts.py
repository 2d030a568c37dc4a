"""What all acts of people have in common: who, once, checked, and in the journal."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Literal, TypeVar, cast

from rpm_service.application.ports import Clock

KEY_MAX: Final = 64
KEYS_MAX: Final = 10_000
"""Newest acts whose keys are remembered."""
REASON_MAX: Final = 128

RefusalCode = Literal["NOT_FOUND", "FAILED_PRECONDITION", "INVALID_ARGUMENT", "ALREADY_EXISTS"]
T = TypeVar("T")


class ActRefused(Exception):
    """An act that is not possible. `code` is a gRPC status name, `field` what is at fault."""

    def __init__(self, code: RefusalCode, field: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.field = field
        self.reason = reason


class Once:
    """Carries out each act once, however often it is sent with the same key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._done: OrderedDict[tuple[object, ...], object] = OrderedDict()

    def __call__(self, act: Callable[[float], T], key: str, *what: object) -> T:
        """Carries out an act unless the same act has been sent with the same key before.

        `what` says which act it is, and by whom; `act` gets the time. Raises ActRefused.
        """
        check_text("idempotency_key", key, KEY_MAX)
        known = (key, *what)
        if known in self._done:
            return cast("T", self._done[known])
        result = act(self._clock.now())
        self._done[known] = result
        if len(self._done) > KEYS_MAX:
            self._done.popitem(last=False)
        return result


def check_text(field: str, text: str, most: int) -> None:
    """Raises ActRefused for a text that is empty, too long, or not printable."""
    if not 1 <= len(text) <= most or not text.isprintable():
        reason = f"{field} must be 1 to {most} printable characters"
        raise ActRefused("INVALID_ARGUMENT", field, reason)


def check_duration(duration_s: float, least: float, most: float) -> None:
    """Raises ActRefused for a duration that is too short, too long, or NaN."""
    if not least <= duration_s <= most:
        reason = f"{duration_s:g} s is not within {least:g} to {most:g} s"
        raise ActRefused("INVALID_ARGUMENT", "duration_s", reason)
