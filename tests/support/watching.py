"""A person at a station: what their viewer gets, and what it says back."""

from rpm_service.application.access import Rights
from rpm_service.application.viewers import Viewer
from rpm_service.domain.alarms import Alarm
from tests.support.plain_encoder import PlainViewer
from tests.support.scene import Scene


class Station:
    """A viewer of the whole ward, or of the beds and units that are given."""

    def __init__(
        self, scene: Scene, name: str = "nurse-7", *, beds: set[str] = frozenset(),
        units: set[str] = frozenset(), within: set[str] = frozenset(),
    ) -> None:  # fmt: skip
        self.scene = scene
        self.viewer = Viewer(scene.ward, name, Rights(units=frozenset(within)))
        self.viewer.subscribe(frozenset(beds), frozenset(units), waveforms=False)
        self.shown = PlainViewer()

    def looks(self) -> dict[str, Alarm]:
        """Takes what there is; gives the alarms that it shows now, by condition."""
        self.scene.live.publish()
        while frame := self.viewer.take(self.scene.now):
            self.shown.take(frame)
        return {alarm.condition.code: alarm for alarm in self.shown.alarms.values()}

    def confirms(self) -> None:
        """Takes what there is, and confirms all of it."""
        before = len(self.shown.told)
        self.looks()
        self.viewer.confirm(self.shown.told[before:], self.scene.now)

    def is_here(self, *, armed: bool = True, visible: bool = True) -> "Station":
        self.viewer.state(armed=armed, visible=visible, now=self.scene.now)
        return self

    def leaves(self) -> None:
        self.viewer.leave()
