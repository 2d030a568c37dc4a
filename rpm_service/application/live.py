"""The live ward as viewers get it: what changes gets a revision, and is kept for a while.

Whatever changes is encoded once, stamped with the next revision, and shared by all. A
viewer's mailbox (mailbox.py) is only a cursor: the newest revision it has got. What it gets
next is put together from there: the newest values of every bed that changed since (so numerics
conflate by themselves), every alarm event since (none is left out), and the waveforms that are
still kept (a slow viewer finds gaps). So a viewer costs nothing while it is slow, and its bound
is the bound of the logs below. A viewer that was away and says where it left off has been slow,
no more: it goes on from there.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from rpm_service.application.bedside import Bedside
from rpm_service.application.delivery import NOT_DELIVERED, calls_somebody
from rpm_service.application.ports import Encoder
from rpm_service.application.scope import Scope
from rpm_service.domain.alarms import Alarm, AlarmEvent, Phase
from rpm_service.domain.signals import Presence

ALARM_EVENTS_MAX: Final = 20_000
"""Alarm events kept for viewers that lag. One that lags further must take a new snapshot."""
WAVEFORM_CHUNKS_MAX: Final = 8
"""Newest waveform chunks kept of each channel of each bed for viewers that lag."""
DELTA_BYTES_MAX: Final = 256 * 1024
"""Of one delta. Beyond it waveforms are left out; where the alarms alone are more, the values
wait too, and the alarms go in as many deltas as they need."""
FRAMES_MAX: Final = 64
"""Frames that are kept for other viewers of the same view, until the next revision."""


class FellBehind(Exception):
    """A viewer has missed alarm events: it must take a new snapshot."""


class LeftOff(NamedTuple):
    """Where a viewer has been before: the `run` of its last snapshot, its newest revision."""

    run: str
    revision: int


@dataclass(slots=True)
class _Page:
    """What viewers get of one bed, encoded, and since which revision."""

    bedside: Bedside
    description: bytes = b""
    described: int = 0
    numerics: bytes = b""
    measured: int = 0
    waveforms: dict[int, deque[tuple[int, bytes]]] = field(default_factory=dict)
    waved: int = 0
    called: frozenset[str] = frozenset()
    """Who sees NOT_DELIVERED of this bed whatever they show."""


class _Delta(NamedTuple):
    """What changed, or nothing (b""), and the revision that a viewer has got with it."""

    frame: bytes
    revision: int


class _Over(NamedTuple):
    """Alarms that are over, or nothing (b""); through which revision; and whom they called."""

    frame: bytes
    revision: int
    calls: Sequence[tuple[int, int]]


class _Told(NamedTuple):
    """An alarm event as viewers get it. `called` sees it whatever they show."""

    revision: int
    event: AlarmEvent
    bedside: Bedside
    part: bytes
    called: frozenset[str]


class Live:
    """Stamps what changes with revisions and puts frames together for viewers."""

    def __init__(self, encoder: Encoder, run: str = "") -> None:
        """Begins at revision 0. No other start has the same `run`; empty: nobody can resume."""
        self.revision = 0
        self.described_at = 0
        """Revision at which a bed was last described: names and units may have moved."""
        self.called_at = 0
        """Revision at which an alarm event last called somebody."""
        self._encoder = encoder
        self._run = run
        self._pages: dict[int, _Page] = {}
        self._alarms: deque[_Told] = deque()
        self._forgotten = 0
        self._changed_descriptions: dict[int, Bedside] = {}
        self._changed_numerics: dict[int, Bedside] = {}
        self._new_alarms: list[tuple[Bedside, AlarmEvent]] = []
        self._new_waveforms: list[tuple[Bedside, int, float, bytes]] = []
        self._deltas: dict[tuple[int, Scope], _Delta] = {}
        self._snapshots: dict[Scope, bytes] = {}
        self._calls: dict[tuple[int, Scope], Sequence[tuple[int, int]]] = {}

    # -- what changes -------------------------------------------------------------------

    def describe(self, bedside: Bedside) -> None:
        """A bed is new, or its description, limits, connection or pause changed."""
        if bedside.is_server:
            self._page(bedside)
            return
        self._changed_descriptions[bedside.number] = bedside
        self._changed_numerics[bedside.number] = bedside

    def measure(self, bedside: Bedside) -> None:
        """A bed has new values."""
        self._changed_numerics[bedside.number] = bedside

    def alarm(self, bedside: Bedside, event: AlarmEvent) -> None:
        """Something happened to an alarm."""
        self._new_alarms.append((bedside, event))

    def call_in(self, bedside: Bedside, viewers: frozenset[str]) -> None:
        """These viewers too see NOT_DELIVERED of a bed from now on, until its signal is OFF."""
        page = self._page(bedside)
        stands = bedside.board.get(NOT_DELIVERED) is not None
        page.called = page.called | viewers if stands else viewers

    def waveform(self, bedside: Bedside, channel: int, start_at: float, samples: bytes) -> None:
        """A bed has new samples; `start_at` on the server's clock."""
        self._new_waveforms.append((bedside, channel, start_at, samples))

    def forget_samples(self, bedside: Bedside) -> None:
        """Whoever was measured there has gone: samples that were not published are not told."""
        self._new_waveforms = [each for each in self._new_waveforms if each[0] is not bedside]

    def publish(self) -> bool:
        """Makes a new revision of all that changed; tells whether there was anything."""
        if not (
            self._changed_numerics
            or self._new_alarms
            or self._new_waveforms
            or self._changed_descriptions
        ):
            return False
        self.revision += 1
        encoder, revision = self._encoder, self.revision
        for bedside in self._changed_descriptions.values():
            page = self._page(bedside)
            page.description, page.described = encoder.bed(bedside), revision
            # Samples kept from before may be of channels that are others now.
            page.waveforms.clear()
            self.described_at = revision
        for bedside in self._changed_numerics.values():
            page = self._page(bedside)
            page.numerics, page.measured = encoder.numerics(bedside), revision
        for bedside, event in self._new_alarms:
            undelivered = event.alarm.condition == NOT_DELIVERED
            called = self._page(bedside).called if undelivered else frozenset[str]()
            self._alarms.append(_Told(revision, event, bedside, encoder.alarm(event), called))
            if calls_somebody(event):
                self.called_at = revision
        while len(self._alarms) > ALARM_EVENTS_MAX:
            self._forgotten = self._alarms.popleft().revision
        for bedside, channel, start_at, samples in self._new_waveforms:
            self._keep_waveform(bedside, channel, start_at, samples)
        self._changed_descriptions.clear()
        self._changed_numerics.clear()
        self._new_alarms.clear()
        self._new_waveforms.clear()
        self._deltas.clear()
        self._snapshots.clear()
        self._calls.clear()
        return True

    def _page(self, bedside: Bedside) -> _Page:
        page = self._pages.get(bedside.number)
        if page is None:
            page = self._pages[bedside.number] = _Page(bedside)
        return page

    def _keep_waveform(
        self, bedside: Bedside, channel: int, start_at: float, samples: bytes
    ) -> None:
        page = self._page(bedside)
        kept = page.waveforms.get(channel)
        if kept is None:
            kept = page.waveforms[channel] = deque(maxlen=WAVEFORM_CHUNKS_MAX)
        part = self._encoder.waveform(bedside.number, channel, start_at, samples)
        kept.append((self.revision, part))
        page.waved = self.revision

    # -- what viewers get ---------------------------------------------------------------

    def snapshot(self, scope: Scope, now: float) -> bytes:
        """Puts everything in view together, as it stands at this revision."""
        frame = self._snapshots.get(scope)
        if frame is None:
            pages = [page for page in self._pages.values() if scope.shows(page.bedside)]
            parts = [page.description for page in pages if page.described]
            parts += [page.numerics for page in pages if page.measured]
            urgent_first = sorted(self._standing(scope), key=_urgency)
            parts += [self._encoder.alarm(event) for event in urgent_first]
            frame = self._encoder.snapshot(self._run_of(scope), self.revision, now, parts)
            _keep(self._snapshots, scope, frame)
        return frame

    def is_kept(self, left_off: LeftOff, scope: Scope) -> bool:
        """Whether a viewer can go on from where it was: this run, this view, nothing missed."""
        return (
            left_off.run == self._run_of(scope) != ""
            and self._forgotten <= left_off.revision <= self.revision
        )

    def delta(self, cursor: int, scope: Scope, now: float) -> _Delta:
        """Puts everything in view together that changed since a revision.

        Raises FellBehind where alarm events since then are no longer kept.
        """
        if cursor < self._forgotten:
            raise FellBehind
        key = (cursor, scope)
        delta = self._deltas.get(key)
        if delta is None:
            told = list(self._alarms_since(cursor, scope))
            through = self._fitting(told)
            parts = self._changes(cursor, scope, told, through)
            frame = self._encoder.delta(through, now, parts) if parts else b""
            delta = _Delta(frame, through)
            _keep(self._deltas, key, delta)
        return delta

    def over(self, since: int, cursor: int, scope: Scope, now: float) -> _Over:
        """Puts the alarms in view together that began since a revision and are over.

        A snapshot does not tell them. The viewer is at `cursor` still.
        """
        told = [] if since < self._forgotten else list(self._alarms_since(since, scope))
        begun = {each.event.alarm.occurrence_id for each in told if each.event.phase is Phase.START}
        told = [each for each in told if _is_over(each) and each.event.alarm.occurrence_id in begun]
        if not told:
            return _Over(b"", self.revision, ())
        through = self._fitting(told)
        told = [each for each in told if each.revision <= through]
        calling = [each.event.alarm for each in told if calls_somebody(each.event)]
        return _Over(
            self._encoder.delta(cursor, now, [each.part for each in told]),
            through,
            [(alarm.occurrence_id, alarm.event_seq) for alarm in calling],
        )

    def calls(
        self, cursor: int | None, scope: Scope, through: int = 0
    ) -> Sequence[tuple[int, int]]:
        """The alarm events in view that call somebody since a revision; None: in a snapshot.

        As occurrence and event, up to the revision that `delta` told. In a snapshot an alarm
        that is ON stands for its last call.
        """
        key = (-1 if cursor is None else cursor, scope)
        found = self._calls.get(key)
        if found is None:
            calling = self._calling(cursor, scope, through)
            found = [(alarm.occurrence_id, alarm.event_seq) for alarm in calling]
            _keep(self._calls, key, found)
        return found

    def progress(self, now: float) -> bytes:
        """Tells that nothing changed and the link lives."""
        return self._encoder.progress(self.revision, now)

    def closing(self, reason: str) -> bytes:
        """Tells a viewer why its stream ends."""
        return self._encoder.closing(reason)

    def _run_of(self, scope: Scope) -> str:
        """Names this run of the server and what is in view: of another view there are no deltas."""
        if not self._run:
            return ""
        named = [sorted(each) for each in (scope.beds, scope.units, scope.within)]
        view = repr((*named, scope.waveforms, scope.called))
        return hashlib.blake2s(view.encode(), key=self._run.encode(), digest_size=12).hexdigest()

    def _fitting(self, told: Sequence[_Told]) -> int:
        """Through which revision one delta can tell these alarm events: whole ones, at least one."""
        size = 0
        for each in told:
            size += len(each.part)
            if size > DELTA_BYTES_MAX and each.revision > told[0].revision:
                return each.revision - 1
        return self.revision

    def _changes(
        self, cursor: int, scope: Scope, told: Sequence[_Told], through: int
    ) -> list[bytes]:
        everything = scope.is_whole_ward
        pages = [
            page
            for page in self._pages.values()
            if (page.measured > cursor or page.waved > cursor or page.described > cursor)
            and (everything or scope.shows(page.bedside))
        ]
        parts = [page.description for page in pages if page.described > cursor]
        alarms = [each.part for each in told if each.revision <= through]
        if through < self.revision:
            # Values wait until every alarm has been told.
            return parts + alarms
        parts += [page.numerics for page in pages if page.measured > cursor]
        if scope.waveforms:
            waves = [
                part
                for page in pages
                if page.waved > cursor
                for kept in page.waveforms.values()
                for revision, part in kept
                if revision > cursor
            ]
            if sum(map(len, (*parts, *alarms, *waves))) <= DELTA_BYTES_MAX:
                parts += waves
        return parts + alarms

    def _alarms_since(self, cursor: int, scope: Scope) -> Iterable[_Told]:
        found: list[_Told] = []
        for told in reversed(self._alarms):
            if told.revision <= cursor:
                break
            bedside = told.bedside
            if scope.is_whole_ward or scope.shows(bedside) or scope.hears(bedside, told.called):
                found.append(told)
        return reversed(found)

    def _calling(self, cursor: int | None, scope: Scope, through: int) -> Iterator[Alarm]:
        if cursor is None:
            for event in self._standing(scope):
                if event.alarm.presence is Presence.ON:
                    yield event.alarm
        else:
            for told in self._alarms_since(cursor, scope):
                if told.revision <= through and calls_somebody(told.event):
                    yield told.event.alarm

    def _standing(self, scope: Scope) -> Iterator[AlarmEvent]:
        for page in self._pages.values():
            shown = scope.shows(page.bedside)
            if shown or scope.hears(page.bedside, page.called):
                for event in standing(page.bedside):
                    if shown or event.alarm.condition == NOT_DELIVERED:
                        yield event


def _is_over(told: _Told) -> bool:
    """Whether the occurrence of an event has no signal any more."""
    alarm = told.event.alarm
    left = told.bedside.board.get(alarm.condition)
    return left is None or left.occurrence_id != alarm.occurrence_id


def _urgency(event: AlarmEvent) -> tuple[int, float]:
    return -event.alarm.priority, event.alarm.raised_at


def standing(bedside: Bedside) -> Iterator[AlarmEvent]:
    """The alarms of a bed as they stand, as events of phase CONTINUE."""
    for alarm in bedside.board:
        at = alarm.ended_at if alarm.ended_at is not None else alarm.raised_at
        yield AlarmEvent(Phase.CONTINUE, alarm, at, at)


def _keep(frames: dict[Any, Any], key: object, frame: object) -> None:
    """Keeps a frame for whoever asks next; the oldest goes first."""
    if len(frames) >= FRAMES_MAX:
        del frames[next(iter(frames))]
    frames[key] = frame
