"""Units of care: what each has decided for its own beds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rpm_service.domain.limits import AgeClass, AlarmSettings
from rpm_service.domain.presets import PRESETS

BUILT_IN: Final = "built-in"
"""The digest of what holds where nobody has decided anything."""


@dataclass(frozen=True, slots=True)
class EscalationLevel:
    """Who hears that nobody has confirmed an alarm, and after how long.

    `viewers` are identities of viewers that get the call whatever beds they watch; `webhook`
    says whether it also goes out by the unit's webhook.
    """

    after_s: float
    viewers: frozenset[str] = frozenset()
    webhook: bool = True


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where calls of a unit go: an https address, and the key that bodies are signed with.

    `ca_file` holds the authorities (PEM) that may have signed the receiver's certificate; None
    for those that the system trusts.
    """

    url: str
    secret: bytes = field(repr=False)
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        assert urlsplit(self.url).scheme == "https", "whoever reads the url refuses any other"
        assert self.secret


DEFAULT_ESCALATION: Final = (EscalationLevel(10.0), EscalationLevel(30.0))


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit has decided. `escalation` is in order of time; coverage may be left to others."""

    name: str = ""
    presets: Mapping[AgeClass, AlarmSettings] = field(default_factory=lambda: PRESETS)
    escalation: tuple[EscalationLevel, ...] = DEFAULT_ESCALATION
    webhook: Webhook | None = None
    covers: bool = True
    """Whether a bed that no viewer covers is an alarm here."""
    care_groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Beds that a team looks after, by the name of the group; a bed may be in several."""

    def care_groups_of(self, bed: str) -> tuple[str, ...]:
        """The care groups that name a bed, in the order of the file."""
        return tuple(name for name, beds in self.care_groups.items() if bed in beds)


class Units:
    """The units that are known, and what holds for any other."""

    def __init__(
        self,
        units: Mapping[str, Unit] | None = None,
        other: Unit | None = None,
        digest: str = BUILT_IN,
    ) -> None:
        self.digest = digest
        """Tells what is decided here from anything else that could be."""
        self._units = dict(units or {})
        self._other = other or Unit()

    def may_call(self, viewer: str) -> bool:
        """Whether a viewer is called at any level of any unit."""
        return any(
            viewer in level.viewers
            for unit in (*self._units.values(), self._other)
            for level in unit.escalation
        )

    def webhooks(self) -> Iterator[Webhook]:
        """Every webhook that there is."""
        for unit in (*self._units.values(), self._other):
            if unit.webhook is not None:
                yield unit.webhook

    def of(self, name: str) -> Unit:
        """The unit of that name; what holds for any other where it has none of its own."""
        return self._units.get(name, self._other)
