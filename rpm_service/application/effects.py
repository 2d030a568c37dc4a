"""What the core hands to its surroundings: what to write to disk together, and what was read back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from rpm_service.application.units import BUILT_IN
from rpm_service.domain.alarms import Alarm, AlarmEvent
from rpm_service.domain.early_warning import Assessment, Score
from rpm_service.domain.inactivation import Inactivation
from rpm_service.domain.limits import AgeClass, MetricLimits


class Connection(StrEnum):
    """Whether a bed's device is there."""

    CONNECTED = "connected"
    LOST = "lost"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Numeric:
    """A metric as a device described it.

    `name` is unique within the bed; `code` and `unit` are MDC codes as they came; `ucum` the
    unit for people; `plausible` the range a value must lie in.
    """

    name: str
    code: int
    unit: int
    ucum: str
    period_s: float
    decimals: int
    plausible: tuple[float, float]


@dataclass(frozen=True, slots=True)
class SampleArray:
    """A waveform as a device described it: value = scale * sample + offset, in the unit."""

    name: str
    code: int
    unit: int
    sample_rate_hz: float
    scale: float
    offset: float


@dataclass(frozen=True, slots=True)
class Description:
    """What one medical device system measures; later frames speak in positions."""

    numerics: tuple[Numeric, ...] = ()
    sample_arrays: tuple[SampleArray, ...] = ()


class NumericRow(NamedTuple):
    """What one MDS observed at one instant, to be stored.

    `observed_at` is the device's own time, `received_at` the server's. `indices` is empty
    where `values` are all of the description's numerics, in order; `validity` is empty where
    all are valid (wire numbers otherwise). NaN: no value.
    """

    seq: int
    observed_at: float
    received_at: float
    values: Sequence[float]
    indices: Sequence[int]
    validity: Sequence[int]


class WaveformRow(NamedTuple):
    """Consecutive samples of one waveform, to be stored: little-endian int16, -32768 missing.

    `channel` is the position among the description's sample arrays.
    """

    seq: int
    channel: int
    start_at: float
    received_at: float
    samples: bytes


class Earlier(NamedTuple):
    """What one MDS sent under a description that it has replaced since, to be stored."""

    device_id: str
    description: Description
    numerics: Sequence[NumericRow]
    waveforms: Sequence[WaveformRow]


class SpoolKey(NamedTuple):
    """A spool of the device or gateway at the other end of a stream; 0 where it has no name."""

    stream_id: str
    spool_id: int = 0


class Progress(NamedTuple):
    """How far a spool's numbers are dealt with: all up to the newest but for `holes`.

    Holes are in order, by their first and last number. `epoch` is that of the session that
    used the spool last.
    """

    newest: int = 0
    holes: tuple[tuple[int, int], ...] = ()
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Sequence numbers of a spool that never came, both ends included.

    `waveforms`: that came without the waveforms that belonged to them.
    """

    stream_id: str
    from_seq: int
    to_seq: int
    noticed_at: float
    spool_id: int = 0
    waveforms: bool = False


UNITS_ACT: Final = "units"
"""The act of a server that starts with other decisions of units; its detail is their digest."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something a person did, for the journal. `detail` never names a patient."""

    at: float
    by: str
    act: str
    bed: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Stay:
    """A patient in a bed; `until` is None while it lasts."""

    bed: str
    patient_id: str
    age_class: AgeClass
    since: float
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Association:
    """A device at a bed; `until` is None while it lasts."""

    device_id: str
    bed: str
    since: float
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Bed:
    """A place where a patient can lie."""

    name: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class LimitOverride:
    """Alarm limits of a patient's own, in force instead of the preset's for one metric."""

    metric: str
    limits: MetricLimits
    by: str
    since: float
    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one alarm event on its way to one viewer, to be stored.

    The same (occurrence_id, event_seq, viewer) may come again, with what is known then.
    """

    occurrence_id: int
    event_seq: int
    viewer: str
    sent_at: float
    confirmed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A call by webhook that an alarm has reached nobody; it waits in the database until sent.

    `notice_id` is unique for ever. `level` counts the levels of escalation from 1. It names the
    bed and the condition and never a patient.
    """

    notice_id: str
    created_at: float
    unit: str
    bed: str
    level: int
    occurrence_id: int
    event_seq: int
    condition: str
    priority: str
    raised_at: float


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """An early-warning score of one stay, to be stored."""

    bed: str
    patient_id: str
    score: Score


@dataclass(frozen=True, slots=True)
class EvidenceWanted:
    """What is to be kept of an occurrence, beyond all retention: observation times of the server."""

    occurrence_id: int
    device_id: str
    since: float
    until: float


@dataclass(slots=True)
class Batch:
    """What is written in one transaction, in the order things happened."""

    numerics: dict[str, list[NumericRow]] = field(default_factory=dict)
    """By MDS."""
    waveforms: dict[str, list[WaveformRow]] = field(default_factory=dict)
    """By MDS."""
    progress: dict[SpoolKey, Progress] = field(default_factory=dict)
    """How far each spool's numbers are on disk with this batch."""
    spools_forgotten: list[SpoolKey] = field(default_factory=list)
    """Spools that were not heard of for long while others of their streams were."""
    epochs: dict[str, int] = field(default_factory=dict)
    """Newest session epoch of each stream that changed."""
    descriptions: dict[str, Description] = field(default_factory=dict)
    """By MDS; a new one ends the earlier one. The rows above are under these."""
    earlier: list[Earlier] = field(default_factory=list)
    connections: dict[str, Connection] = field(default_factory=dict)
    """By MDS."""
    gaps: list[Gap] = field(default_factory=list)
    events: list[AlarmEvent] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    beds: list[Bed] = field(default_factory=list)
    """New beds, or beds whose unit changed."""
    stays: list[Stay] = field(default_factory=list)
    """Begun (until is None) or ended stays; (bed, patient_id, since) tells which."""
    associations: list[Association] = field(default_factory=list)
    """Begun or ended; (device_id, bed, since) tells which."""
    inactivations: dict[str, Sequence[Inactivation]] = field(default_factory=dict)
    """By device: all that is held back there now."""
    overrides: dict[str, Sequence[LimitOverride]] = field(default_factory=dict)
    """By bed: all limits of the patient's own there now."""
    assessments: dict[str, Assessment | None] = field(default_factory=dict)
    """By bed; None once the patient has left."""
    scores: list[ScoreRow] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    notices_sent: dict[str, float] = field(default_factory=dict)
    """By notice_id: when it was taken at the other end."""
    notices_given_up: dict[str, float] = field(default_factory=dict)
    """By notice_id: since when it is sent no more."""
    evidence: list[EvidenceWanted] = field(default_factory=list)

    @property
    def is_urgent(self) -> bool:
        """Whether it holds more than samples, which no device would send again."""
        return bool(
            self.events
            or self.acts
            or self.beds
            or self.stays
            or self.associations
            or self.inactivations
            or self.overrides
            or self.assessments
            or self.notices
        )

    def set_apart(self, device_id: str, description: Description) -> None:
        """A device replaces this description: what it sent so far keeps it."""
        numerics = self.numerics.pop(device_id, ())
        waveforms = self.waveforms.pop(device_id, ())
        if numerics or waveforms:
            self.earlier.append(Earlier(device_id, description, numerics, waveforms))

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class StoredDevice:
    """What is known of one MDS from before a restart."""

    device_id: str
    description: Description
    connection: Connection


@dataclass(frozen=True, slots=True)
class Restored:
    """Everything the core needs from before a restart."""

    next_occurrence: int = 1
    """Neither it nor any number beyond it was ever given to an occurrence."""
    alarms: Sequence[Alarm] = ()
    """Every occurrence whose signal was not OFF, as its newest event left it."""
    devices: Sequence[StoredDevice] = ()
    progress: Mapping[SpoolKey, Progress] = field(default_factory=dict)
    """How far the numbers of each spool are on disk; the one used last comes last."""
    epochs: Mapping[str, int] = field(default_factory=dict)
    beds: Sequence[Bed] = ()
    stays: Sequence[Stay] = ()
    """Those that last."""
    associations: Sequence[Association] = ()
    """Those that last."""
    vacated: Mapping[str, float] = field(default_factory=dict)
    """By bed: when the last stay there ended."""
    removed: Mapping[str, float] = field(default_factory=dict)
    """By device: when its last association ended."""
    inactivations: Mapping[str, Sequence[Inactivation]] = field(default_factory=dict)
    """By device."""
    overrides: Mapping[str, Sequence[LimitOverride]] = field(default_factory=dict)
    """By bed."""
    assessments: Mapping[str, Assessment] = field(default_factory=dict)
    """By bed."""
    notices: Sequence[Notice] = ()
    """Those neither sent nor given up yet."""
    units: str = BUILT_IN
    """The digest of what units had decided at the last start."""
    evidence: Sequence[EvidenceWanted] = ()
    """What begun occurrences of the last minutes still want kept."""
