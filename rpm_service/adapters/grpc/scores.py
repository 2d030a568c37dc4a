"""Early-warning scores on the wire."""

from typing import Final

from rpm_service.application.early_warning import Seen
from rpm_service.domain.early_warning import Band, Consciousness, InspiredGas, OxygenScale, Score
from rpm_service.v1 import early_warning_pb2 as w

BANDS: Final = {
    Band.LOW: w.EARLY_WARNING_BAND_LOW,
    Band.LOW_MEDIUM: w.EARLY_WARNING_BAND_LOW_MEDIUM,
    Band.MEDIUM: w.EARLY_WARNING_BAND_MEDIUM,
    Band.HIGH: w.EARLY_WARNING_BAND_HIGH,
}
SCALES: Final = {
    OxygenScale.ONE: w.OXYGEN_SCALE_ONE,
    OxygenScale.TWO: w.OXYGEN_SCALE_TWO,
}
GAS_OF: Final = {
    w.INSPIRED_GAS_UNSPECIFIED: None,
    w.INSPIRED_GAS_AIR: InspiredGas.AIR,
    w.INSPIRED_GAS_OXYGEN: InspiredGas.OXYGEN,
}
CONSCIOUSNESS_OF: Final = {
    w.CONSCIOUSNESS_UNSPECIFIED: None,
    w.CONSCIOUSNESS_ALERT: Consciousness.ALERT,
    w.CONSCIOUSNESS_CONFUSION: Consciousness.CONFUSION,
    w.CONSCIOUSNESS_VOICE: Consciousness.VOICE,
    w.CONSCIOUSNESS_PAIN: Consciousness.PAIN,
    w.CONSCIOUSNESS_UNRESPONSIVE: Consciousness.UNRESPONSIVE,
}
SCALE_OF: Final = {
    w.OXYGEN_SCALE_UNSPECIFIED: None,
    w.OXYGEN_SCALE_ONE: OxygenScale.ONE,
    w.OXYGEN_SCALE_TWO: OxygenScale.TWO,
}


def score_to_wire(score: Score) -> w.EarlyWarningScore:
    """A score, whole."""
    return w.EarlyWarningScore(
        at=score.at,
        total=score.total,
        band=w.EARLY_WARNING_BAND_UNSPECIFIED if score.band is None else BANDS[score.band],
        sub_scores=[
            w.SubScore(
                input=each.name, score=each.score, value=each.value, observed_at=each.observed_at
            )
            for each in score.sub_scores
        ],
        missing=score.missing,
        oxygen_scale=SCALES[score.oxygen_scale],
    )


def seen_of(request: w.RecordAssessmentRequest) -> Seen:
    """What a clinician has said. Raises KeyError with the name of a field of an unknown number."""
    for name, known in (
        ("inspired_gas", GAS_OF),
        ("consciousness", CONSCIOUSNESS_OF),
        ("oxygen_scale", SCALE_OF),
    ):
        if getattr(request, name) not in known:
            raise KeyError(name)
    return Seen(
        GAS_OF[request.inspired_gas],
        CONSCIOUSNESS_OF[request.consciousness],
        SCALE_OF[request.oxygen_scale],
        request.reason,
    )
