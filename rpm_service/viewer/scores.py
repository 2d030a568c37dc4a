"""Early-warning scores as plain objects, ready for JSON."""

from typing import Any, Final

from rpm_service.v1 import early_warning_pb2 as w

_BANDS: Final = {
    w.EARLY_WARNING_BAND_UNSPECIFIED: None,
    w.EARLY_WARNING_BAND_LOW: "low",
    w.EARLY_WARNING_BAND_LOW_MEDIUM: "low-medium",
    w.EARLY_WARNING_BAND_MEDIUM: "medium",
    w.EARLY_WARNING_BAND_HIGH: "high",
}


def score_object(score: w.EarlyWarningScore) -> dict[str, Any]:
    """A score; what is not there is None. A band without a total is the least that it can be."""
    return {
        "at": score.at,
        "total": score.total if score.HasField("total") else None,
        "band": _BANDS[score.band],
        "sub_scores": {
            each.input: {
                "score": each.score,
                "value": each.value if each.HasField("value") else None,
                "observed_at": each.observed_at,
            }
            for each in score.sub_scores
        },
        "missing": list(score.missing),
        "oxygen_scale": 2 if score.oxygen_scale == w.OXYGEN_SCALE_TWO else 1,
    }


def in_words(score: dict[str, Any]) -> str:
    """A score in one line, for people."""
    missing = ", ".join(score["missing"])
    if not missing:
        return f"NEWS2 {score['total']}, {score['band']}"
    if score["band"] is None:
        return f"NEWS2 incomplete: {missing} missing"
    return f"NEWS2 incomplete, at least {score['band']}: {missing} missing"
