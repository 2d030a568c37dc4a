"""Analyses as plain objects: what `--json` prints, and what the page gets."""

from dataclasses import asdict
from typing import Any

from rpm_service.adapters.grpc.convert import alarm_to_wire
from rpm_service.application.burden import AlarmBurden
from rpm_service.application.places import Scope
from rpm_service.application.what_if import WhatIf
from rpm_service.commands.scope import as_json as scope_as_json
from rpm_service.viewer.ward import alarm_object


def burden_object(chosen: Scope, measured: AlarmBurden) -> dict[str, Any]:
    """An alarm burden, with the time that was chosen."""
    found = asdict(measured)
    for kind in ("physiological", "technical"):
        for each in found[kind]["conditions"]:
            each["priority"] = each["priority"].name
    return {**scope_as_json(chosen), **found}


def what_if_object(chosen: Scope, found: WhatIf) -> dict[str, Any]:
    """What came of a trial, with the time that was chosen."""
    return {
        **scope_as_json(chosen),
        "beds": found.beds,
        "values": found.values,
        "late_values": found.late_values,
        "comparisons": [asdict(each) for each in found.comparisons],
        "real": found.real,
        "missed": [alarm_object(alarm_to_wire(event)) for event in found.missed],
        "unknown": found.unknown,
    }
