"""What a viewer wants to see, within what it may."""

from dataclasses import dataclass

from rpm_service.application.bedside import Bedside


@dataclass(frozen=True, slots=True)
class Scope:
    """What a viewer wants to see; empty sets mean everything."""

    beds: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    waveforms: bool = False
    called: str = ""
    """The viewer, where it may be called to beds that it does not show."""
    within: frozenset[str] = frozenset()
    """Units that the viewer may see at all, whatever it wants and wherever it is called."""

    @property
    def is_whole_ward(self) -> bool:
        """Whether no bed is left out."""
        return not self.beds and not self.units and not self.within

    def shows(self, bedside: Bedside) -> bool:
        """Whether a bed is in view."""
        if bedside.is_server:
            return True
        return (
            (not self.beds or bedside.bed in self.beds)
            and (not self.units or bedside.unit in self.units)
            and (not self.within or bedside.unit in self.within)
        )

    def hears(self, bedside: Bedside, called: frozenset[str]) -> bool:
        """Whether a bed that is not in view calls this viewer too."""
        return self.called in called and (not self.within or bedside.unit in self.within)
