"""A flood at one bed, through processes and the disk: every change of it is in the journal."""

import json

import pytest

from rpm_service.adapters.pki.credentials import ensure_server
from tests.benchmarks.load import FLOOD, FLOOD_FPS
from tests.support.process import free_port, process, rpm_service

SECONDS = 4


@pytest.mark.system
@pytest.mark.spec("ALARM-65")
@pytest.mark.spec("ALARM-68")
@pytest.mark.promise("G15")
def test_every_change_of_a_flood_is_stored_and_so_are_the_alarms_of_other_beds(tmp_path):
    data, certs, target = tmp_path / "data", tmp_path / "certs", f"127.0.0.1:{free_port()}"
    ensure_server(certs)
    want = {
        "target": target, "certs": str(certs), "name": "bed", "beds": 0, "streams": 4, "fps": 5,
        "seconds": SECONDS, "zero_every": 5, "ack_frames": 1, "flood": SECONDS,
    }  # fmt: skip
    with rpm_service("serve", "--data", data, "--certs", certs, "--listen", target) as server:
        server.wait_for("devices and viewers")
        watch = ("-m", "tests.benchmarks.viewers", target, str(certs), "viewer", "1")
        with (
            process("-m", "tests.benchmarks.load", json.dumps(want)) as devices,
            process(*watch) as viewer,
        ):
            devices.wait_for("ready")
            viewer.wait_for("ready")
            devices.say("go")
            devices.wait_for("sent")
            devices.say("end")
            sent = devices.report()
            viewer.end()
            (seen,) = viewer.report()["alarms"]
        assert sent["sent"] == sent["acked"]
        server.end()
    with rpm_service("alarms", "--data", data, "--json") as journal:
        stored = [json.loads(line) for line in journal.lines()]
    asystole = [event for event in stored if event["condition"] == "ASYSTOLE"]
    for bed, zeros in sent["zeros"].items():
        own = [event for event in asystole if event["bed"] == bed]
        assert [event["phase"] for event in own] == ["start", "end"] * len(zeros)
        assert [event["event_seq"] for event in own] == [1, 2] * len(zeros)
        occurrences = [event["occurrence_id"] for event in own[::2]]
        assert occurrences == sorted(set(occurrences))
        came = [at for own_bed, at in seen if own_bed == bed]
        assert len(came) == len(zeros), "and every one of them is seen, within two seconds"
        assert all(at - begun < 2 for begun, at in zip(zeros, came, strict=True))
    assert len(sent["zeros"][FLOOD]) == SECONDS * FLOOD_FPS / 2
