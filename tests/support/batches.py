"""Batches as a ward may hand them over, and what a restart must bring back after them."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from math import inf, nan

from hypothesis import strategies as st

from rpm_service.application.effects import (
    UNITS_ACT,
    Act,
    Association,
    Batch,
    Bed,
    Connection,
    Delivery,
    Description,
    Earlier,
    EvidenceWanted,
    Gap,
    LimitOverride,
    Notice,
    Numeric,
    NumericRow,
    Progress,
    Restored,
    SampleArray,
    ScoreRow,
    SpoolKey,
    Stay,
    StoredDevice,
    WaveformRow,
)
from rpm_service.application.evidence import LATE_S, begins, wanted
from rpm_service.application.ports import Recorder
from rpm_service.application.units import BUILT_IN
from rpm_service.domain.alarms import (
    Acknowledgement,
    Alarm,
    AlarmEvent,
    Answer,
    Condition,
    Kind,
    Phase,
    Priority,
)
from rpm_service.domain.early_warning import (
    Assessment,
    Band,
    Consciousness,
    InspiredGas,
    OxygenScale,
    Score,
    SubScore,
)
from rpm_service.domain.inactivation import Inactivation, InactivationState
from rpm_service.domain.limits import AgeClass, MetricLimits, RateOfChange
from rpm_service.domain.signals import Presence
from tests.support.numbers import through

T0 = 1_790_000_000.0
STEP_S = 11.0
"""From batch to batch, in what a recorder must bring back."""

HR = Numeric("HR", 147842, 264864, "/min", 1.0, 0, (0, 350))
SPO2 = Numeric("SpO2", 150456, 262688, "%", 1.0, 0, (0, 100))
VENDOR = Numeric("Flow 2", 1, 2, "2", 1.0, 1, (-inf, inf))
PLETH = SampleArray("Pleth", 150452, 262656, 125.0, 0.1, -3.0)
HR_AND_SPO2 = Description((HR, SPO2))


async def write(recorder: Recorder, batch: Batch) -> None:
    """Waits until a batch is on disk. Raises what the recorder says."""
    told: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
    recorder.submit(batch, told.set_result)
    error = await told
    if error is not None:
        raise error


def numeric_row(seq: int, *values: float, at: float | None = None) -> NumericRow:
    at = T0 + seq if at is None else at
    return NumericRow(seq, at, at + 0.25, values, (), ())


def observed(device_id: str, *rows: NumericRow) -> Batch:
    """What a device with a stream of its own has sent."""
    return Batch(
        numerics={device_id: list(rows)}, progress=through(f"device/{device_id}", rows[-1].seq)
    )


def alarm_event(
    occurrence_id: int = 1,
    event_seq: int = 1,
    phase: Phase = Phase.START,
    presence: Presence = Presence.ON,
    **of_alarm: object,
) -> AlarmEvent:
    alarm = Alarm(
        occurrence_id=occurrence_id,
        event_seq=event_seq,
        condition=Condition("SPO2_LOW", Kind.PHYSIOLOGICAL, "SpO2"),
        device_id="m1",
        bed="B12",
        priority=Priority.MEDIUM,
        presence=presence,
        latching=True,
        raised_at=T0,
        value=84.0,
        extreme=82.0,
        limit=90.0,
    )
    return AlarmEvent(phase, replace(alarm, **of_alarm), T0 + event_seq, T0 + event_seq + 0.5)


# -- any batch ----------------------------------------------------------------------------

DEVICES = ("m1", "m2", "m3")
BEDS = ("B1", "B2", "Bett 3 ß")
instants = st.floats(T0, T0 + 1e6)
numbers = st.floats(width=64) | st.sampled_from([0.0, -0.0, nan])
texts = st.text(max_size=12)

numerics = st.builds(
    Numeric, texts, st.integers(0, 2**32), st.integers(0, 2**32), texts,
    st.floats(0.05, 86_400), st.integers(0, 3),
    st.tuples(st.floats(-500, 0) | st.just(-inf), st.floats(1, 500) | st.just(inf)),
)  # fmt: skip
sample_arrays = st.builds(
    SampleArray, texts, st.integers(0, 2**32), st.integers(0, 2**32),
    st.floats(0.1, 4000), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3),
)  # fmt: skip
descriptions = st.builds(
    Description,
    st.lists(numerics, max_size=3).map(tuple),
    st.lists(sample_arrays, max_size=2).map(tuple),
)


def rows_of(values: st.SearchStrategy[tuple[tuple[float, ...], tuple[int, ...], tuple[int, ...]]]):
    return st.builds(
        lambda seq, at, received, rest: NumericRow(seq, at, received, *rest),
        st.integers(1, 2**63 - 1), instants, instants, values,
    )  # fmt: skip


def _parallel(count: int):
    return st.tuples(
        st.lists(numbers, min_size=count, max_size=count).map(tuple),
        st.just(()) | st.permutations(range(count)).map(tuple),
        st.just(()) | st.lists(st.integers(0, 4), min_size=count, max_size=count).map(tuple),
    )


full_rows = rows_of(st.tuples(st.lists(numbers, min_size=2, max_size=2).map(tuple),
                              st.just(()), st.just(())))  # fmt: skip
any_rows = rows_of(st.integers(0, 4).flatmap(_parallel))
waveform_rows = st.builds(
    WaveformRow, st.integers(1, 2**63 - 1), st.integers(0, 31), instants, instants,
    st.binary(max_size=40),
)  # fmt: skip

acknowledgements = st.builds(Acknowledgement, texts, instants, instants)
answers = st.builds(Answer, st.booleans(), texts, instants)
alarms = st.builds(
    Alarm,
    occurrence_id=st.integers(1, 6),
    event_seq=st.just(0),
    condition=st.builds(Condition, texts, st.sampled_from(Kind), texts),
    device_id=st.sampled_from(DEVICES),
    bed=st.sampled_from(BEDS),
    priority=st.sampled_from(Priority),
    presence=st.sampled_from(Presence),
    latching=st.booleans(),
    raised_at=instants,
    value=st.none() | st.floats(0, 300),
    extreme=st.none() | st.floats(0, 300),
    limit=st.none() | st.floats(0, 300),
    ended_at=st.none() | instants,
    acknowledgement=st.none() | acknowledgements,
    text=texts,
    answer=st.none() | answers,
)
events = st.builds(AlarmEvent, st.sampled_from(Phase), alarms, instants, instants)

acts = texts | st.just(UNITS_ACT)
device_ids = st.sampled_from(DEVICES)
bed_names = st.sampled_from(BEDS)
inactivations = st.builds(
    Inactivation, st.sampled_from(InactivationState), texts, texts, texts, instants,
    st.none() | instants, texts,
)  # fmt: skip
bounds = st.none() | st.floats(-50, 400)
overrides = st.builds(
    LimitOverride, texts,
    st.builds(MetricLimits, bounds, bounds, bounds, bounds, st.floats(0, 30),
              rate=st.none() | st.builds(RateOfChange, st.floats(1, 50), st.floats(1, 60))),
    texts, instants, instants, texts,
)  # fmt: skip
assessments = st.builds(
    Assessment, st.none() | st.sampled_from(InspiredGas), instants,
    st.none() | st.sampled_from(Consciousness), instants, st.sampled_from(OxygenScale),
    texts, texts,
)  # fmt: skip
score_rows = st.builds(
    ScoreRow, bed_names, texts,
    st.builds(
        Score, st.sampled_from([T0, T0 + 1, T0 + 2]), st.none() | st.integers(0, 20),
        st.none() | st.sampled_from(Band),
        st.lists(
            st.builds(SubScore, texts, st.integers(0, 3), st.none() | st.floats(0, 300), instants),
            max_size=2,
        ).map(tuple),
        st.lists(texts, max_size=2).map(tuple), st.sampled_from(OxygenScale),
    ),
)  # fmt: skip
occurrences = st.integers(1, 6)
deliveries = st.builds(
    Delivery, occurrences, st.integers(1, 3), st.sampled_from(["v1", "v2"]), instants,
    st.none() | instants,
)  # fmt: skip
notice_ids = st.sampled_from(["n1", "n2", "n3"])
notices = st.builds(
    Notice, notice_ids, st.just(T0), texts, bed_names, st.integers(1, 2), occurrences,
    st.integers(1, 3), texts, st.sampled_from(["HIGH", "MEDIUM"]), instants,
)  # fmt: skip


evidence_ages = st.sampled_from([30.0, 42.0, 55.0, 80.0, 300.0])
"""How long ago a span began, all being of one width: they overlap, touch and come again."""
evidence_wanted = st.builds(
    lambda occurrence_id, device_id, age: EvidenceWanted(occurrence_id, device_id, -age, 20 - age),
    st.integers(1, 9), device_ids, evidence_ages,
)  # fmt: skip
batches = st.builds(
    Batch,
    numerics=st.dictionaries(device_ids, st.lists(any_rows, min_size=1, max_size=3)),
    waveforms=st.dictionaries(device_ids, st.lists(waveform_rows, min_size=1, max_size=2)),
    progress=st.just({}),
    spools_forgotten=st.just([]),
    epochs=st.dictionaries(st.sampled_from(["device/m1", "gateway/g"]), st.integers(1, 9)),
    descriptions=st.dictionaries(device_ids, descriptions),
    earlier=st.lists(
        st.builds(
            Earlier, device_ids, descriptions,
            st.lists(any_rows, max_size=2), st.lists(waveform_rows, max_size=1),
        ),
        max_size=1,
    ),
    connections=st.dictionaries(device_ids, st.sampled_from(Connection)),
    gaps=st.lists(
        st.builds(
            Gap, st.just("device/m1"), st.integers(1, 9), st.integers(1, 9), instants,
            st.integers(0, 1), st.booleans(),
        ),
        max_size=1,
    ),
    events=st.lists(events, max_size=4),
    acts=st.lists(st.builds(Act, instants, texts, acts, texts, texts), max_size=2),
    beds=st.lists(st.builds(Bed, st.sampled_from(BEDS), texts), max_size=2),
    stays=st.lists(
        st.builds(
            Stay, st.sampled_from(BEDS), texts, st.sampled_from(AgeClass),
            st.sampled_from([T0, T0 + 1]), st.none() | instants,
        ),
        max_size=2,
    ),
    associations=st.lists(
        st.builds(
            Association, device_ids, st.sampled_from(BEDS),
            st.sampled_from([T0, T0 + 1]), st.none() | instants,
        ),
        max_size=2,
    ),
    inactivations=st.dictionaries(device_ids, st.lists(inactivations, max_size=2)),
    overrides=st.dictionaries(bed_names, st.lists(overrides, max_size=2)),
    assessments=st.dictionaries(bed_names, st.none() | assessments),
    scores=st.lists(score_rows, max_size=2),
    deliveries=st.lists(deliveries, max_size=3),
    notices=st.lists(notices, max_size=2, unique_by=lambda notice: notice.notice_id),
    notices_sent=st.dictionaries(notice_ids, instants),
    notices_given_up=st.dictionaries(notice_ids, instants),
    evidence=st.lists(evidence_wanted, max_size=2, unique_by=lambda what: what.occurrence_id),
)  # fmt: skip


class Remembered:
    """What a recorder must bring back, kept the plain way."""

    def __init__(self) -> None:
        self.seq = 0
        self.now = T0
        self.events: list[AlarmEvent] = []
        self.acts: dict[Act, None] = {}
        self.numerics: dict[str, list[tuple[Description, NumericRow]]] = {}
        self.waveforms: dict[str, list[tuple[Description, WaveformRow]]] = {}
        self.gaps: dict[tuple[str, int, bool, int], Gap] = {}
        self.scores: dict[tuple[str, str, float], ScoreRow] = {}
        self.deliveries: dict[tuple[int, int, str], Delivery] = {}
        self.evidence: dict[int, tuple[EvidenceWanted, list, list]] = {}
        self._inactivations: dict[str, list[Inactivation]] = {}
        self._overrides: dict[str, list[LimitOverride]] = {}
        self._assessments: dict[str, Assessment | None] = {}
        self._notices: dict[str, Notice] = {}
        self._sent: set[str] = set()
        self._event_seqs: dict[int, int] = {}
        self._devices: dict[str, StoredDevice] = {}
        self._standing: dict[int, Alarm] = {}
        self._progress: dict[SpoolKey, Progress] = {}
        self._epochs: dict[str, int] = {}
        self._beds: dict[str, Bed] = {}
        self._stays: dict[tuple[str, str, float], Stay] = {}
        self._associations: dict[tuple[str, str, float], Association] = {}

    def numbered(self, batch: Batch) -> Batch:
        """The same batch with the numbers and the times that the core would have given."""
        self.seq += 1
        self.now += STEP_S
        happened = []
        for event in batch.events:
            number = event.alarm.occurrence_id
            self._event_seqs[number] = self._event_seqs.get(number, 0) + 1
            alarm = replace(event.alarm, event_seq=self._event_seqs[number])
            happened.append(replace(event, alarm=alarm, received_at=self.now))
        return replace(
            batch,
            events=happened,
            progress=through("gateway/g", self.seq),
            numerics={each: self._received(rows) for each, rows in batch.numerics.items()},
            waveforms={each: self._received(rows) for each, rows in batch.waveforms.items()},
            earlier=[
                each._replace(
                    numerics=self._received(each.numerics),
                    waveforms=self._received(each.waveforms),
                )
                for each in batch.earlier
            ],
            evidence=[
                replace(each, since=self.now + each.since, until=self.now + each.until)
                for each in batch.evidence
            ],
        )

    def _received(self, rows: Iterable) -> list:
        return [row._replace(received_at=self.now) for row in rows]

    def take(self, batch: Batch) -> None:
        for device_id, before, measured, sampled in batch.earlier:
            self._set(device_id)
            self.numerics.setdefault(device_id, []).extend((before, row) for row in measured)
            self.waveforms.setdefault(device_id, []).extend((before, row) for row in sampled)
        for device_id, description in batch.descriptions.items():
            self._set(device_id, description=description)
        for device_id, connection in batch.connections.items():
            self._set(device_id, connection=connection)
        for device_id, rows in batch.numerics.items():
            description = self._set(device_id).description
            self.numerics.setdefault(device_id, []).extend((description, row) for row in rows)
        for device_id, samples in batch.waveforms.items():
            description = self._set(device_id).description
            self.waveforms.setdefault(device_id, []).extend((description, row) for row in samples)
        for event in batch.events:
            self.events.append(event)
            self._standing.pop(event.alarm.occurrence_id, None)
            if event.alarm.presence is not Presence.OFF:
                self._standing[event.alarm.occurrence_id] = event.alarm
        for gap in batch.gaps:
            key = (gap.stream_id, gap.spool_id, gap.waveforms, gap.from_seq)
            self.gaps.setdefault(key, gap)
        self.acts |= dict.fromkeys(batch.acts)
        self._take_what_the_alarm_system_keeps(batch)
        self._progress |= batch.progress
        self._epochs |= batch.epochs
        self._beds |= {bed.name: bed for bed in batch.beds}
        self._stays |= {(each.bed, each.patient_id, each.since): each for each in batch.stays}
        self._associations |= {
            (each.device_id, each.bed, each.since): each for each in batch.associations
        }

    def _take_what_the_alarm_system_keeps(self, batch: Batch) -> None:
        self._inactivations |= batch.inactivations
        self._overrides |= batch.overrides
        self._assessments |= batch.assessments
        for row in batch.scores:
            self.scores.setdefault((row.patient_id, row.bed, row.score.at), row)
        for told in batch.deliveries:
            key = (told.occurrence_id, told.event_seq, told.viewer)
            known = self.deliveries.setdefault(key, told)
            if known.confirmed_at is None:
                self.deliveries[key] = replace(known, confirmed_at=told.confirmed_at)
        for notice in batch.notices:
            self._notices.setdefault(notice.notice_id, notice)
        self._sent |= batch.notices_sent.keys() & self._notices.keys()
        self._sent |= batch.notices_given_up.keys() & self._notices.keys()
        for what in batch.evidence:
            if what.occurrence_id not in self.evidence:
                self._set(what.device_id)
                kept = [
                    [
                        (description, row)
                        for description, row in kind.get(what.device_id, ())
                        if what.since <= row.received_at < what.until + LATE_S
                    ]
                    for kind in (self.numerics, self.waveforms)
                ]
                self.evidence[what.occurrence_id] = (what, *kept)

    def _set(self, device_id: str, **changed: object) -> StoredDevice:
        known = StoredDevice(device_id, Description(), Connection.AWAY)
        known = self._devices[device_id] = replace(self._devices.get(device_id, known), **changed)
        return known

    def restored(self, next_occurrence: int | None = None) -> Restored:
        newest = max((event.alarm.occurrence_id for event in self.events), default=0)
        return Restored(
            next_occurrence=next_occurrence or newest + 1,
            alarms=list(self._standing.values()),
            devices=list(self._devices.values()),
            progress=self._progress,
            epochs=self._epochs,
            beds=sorted(self._beds.values(), key=lambda bed: bed.name),
            stays=_lasting(self._stays.values()),
            associations=_lasting(self._associations.values()),
            vacated=_last_ended((each.bed, each.until) for each in self._stays.values()),
            removed=_last_ended(
                (each.device_id, each.until) for each in self._associations.values()
            ),
            inactivations={each: held for each, held in self._inactivations.items() if held},
            overrides={bed: own for bed, own in self._overrides.items() if own},
            assessments={bed: given for bed, given in self._assessments.items() if given},
            notices=[
                self._notices[each] for each in sorted(self._notices) if each not in self._sent
            ],
            evidence=self._unkept(),
            units=next(
                (act.detail for act in reversed(self.acts) if act.act == UNITS_ACT), BUILT_IN
            ),
        )

    def _unkept(self) -> list[EvidenceWanted]:
        newest = max((event.received_at for event in self.events), default=0)
        return [
            wanted(event)
            for event in self.events
            if begins(event)
            and event.received_at >= newest - 120
            and event.alarm.occurrence_id not in self.evidence
        ]


def _lasting(each: Iterable[Stay] | Iterable[Association]) -> list:
    return sorted((one for one in each if one.until is None), key=repr)


def _last_ended(each: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, until in each:
        if until is not None:
            found[name] = max(until, found.get(name, until))
    return found


def in_any_order(restored: Restored) -> Restored:
    """The same, with what has no order of its own in one order."""
    return replace(
        restored,
        devices=sorted(restored.devices, key=lambda each: each.device_id),
        stays=sorted(restored.stays, key=repr),
        associations=sorted(restored.associations, key=repr),
    )


def like(rows: Iterable[tuple]) -> list[str]:
    """Rows so that they can be compared: NaN is NaN, and -0.0 is not 0.0."""
    return sorted(repr(row) for row in rows)
