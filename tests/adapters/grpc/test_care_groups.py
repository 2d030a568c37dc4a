"""Care groups over real loopback mutual TLS: what viewers are told of the beds of a team."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rpm_service.application.units import Unit, Units
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import patient_pb2 as p
from tests.support.loopback import LoopbackServer, hasten

CARED_FOR = Units(
    {
        "ICU": Unit(
            "ICU",
            escalation=(),
            covers=False,
            care_groups={
                "West": frozenset({"bed-1", "not built yet"}),
                "East": frozenset({"bed-1", "window"}),
            },
        ),
        "CCU": Unit("CCU", care_groups={"Nights": frozenset({"bed-1"})}),
    },
    Unit(escalation=(), covers=False),
)


@pytest.fixture
async def server(certs: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopbackServer]:
    hasten(monkeypatch)
    async with LoopbackServer(certs, CARED_FOR) as server:
        yield server


@pytest.mark.spec("LIMIT-22")
async def test_a_bed_is_told_with_the_care_groups_of_its_unit_that_name_it(
    server: LoopbackServer,
) -> None:
    async with (
        server.streaming("bed-1"),
        server.clinician() as clinician,
        server.viewer(subscribe=m.Subscribe()) as viewer,
    ):
        (bed,) = (await viewer.take("snapshot")).beds
        assert (bed.unit, bed.care_groups) == ("", [])

        for name in ("window", "bed-1"):
            await clinician.patients.AdmitPatient(
                p.AdmitPatientRequest(
                    bed=name, unit="ICU", patient_id=name, age_class=m.AGE_CLASS_ADULT
                )
            )
        bed = await viewer.bed(lambda bed: bed.unit == "ICU")
        assert bed.care_groups == ["West", "East"], "in the order of the file, and none of the CCU"

        await clinician.patients.DischargePatient(p.DischargePatientRequest(bed="window"))
        await clinician.patients.TransferPatient(
            p.TransferPatientRequest(from_bed="bed-1", to_bed="window")
        )
        bed = await viewer.bed(lambda bed: bed.bed == "window")
        assert (bed.patient_id, bed.care_groups) == ("bed-1", ["East"]), "groups are of beds"
