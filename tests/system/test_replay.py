"""The main promise: the alarms of the server are those of the core, on a real recording."""

import json
import signal
import subprocess
import sys
import time

import pytest

from tests.support.process import ROOT, free_port, process, rpm_service

RATE = 10
"""So that half a second in which the machine lets nobody run is no silence of a device."""
SECONDS = 100
OF_DELIVERY = ("BED_NOT_COVERED", "NOT_DELIVERED")
"""Nobody watches a recording."""
TEST_MODE = {"RPM_TEST_MODE": "1"}


def output_of(*arguments: object) -> str:
    command = [sys.executable, "-m", "rpm_service", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def objects(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def journal_of(data) -> list[dict]:
    return objects(output_of("alarms", "--data", data, "--json"))


@pytest.mark.system
def test_replay_through_the_server_gives_the_alarms_of_evaluate(bidmc, certs, tmp_path):
    recording = bidmc / "bidmc_13_Numerics.csv"
    target, data = f"127.0.0.1:{free_port()}", tmp_path / "data"
    serve = ("serve", "--data", str(data), "--certs", str(certs), "--listen", target)
    fast = ("-m", "tests.support.patient_server", *serve, "--test-clock-rate", str(RATE))
    replay = ("replay", recording, "--server", target, "--certs", certs, "--device", "replayed")
    faster = ("--seconds", SECONDS, "--rate", RATE)
    with process(*fast, **TEST_MODE) as server:
        server.wait_for("devices and viewers")
        with rpm_service(*replay, *faster, **TEST_MODE) as device:
            assert device.wait(60) == 0
        samples = objects(output_of("samples", "--data", data, "replayed", "--json"))
        journal = journal_of(data)

    assert [sample["seq"] for sample in samples] == sorted({each["seq"] for each in samples})
    begin = min(event["received_at"] for event in samples)
    found = [
        (event["condition"], event["metric"], event["observed_at"] - begin)
        for event in journal
        if event["phase"] == "start" and event["condition"] not in OF_DELIVERY
    ]
    expected = [
        (alarm["condition"], alarm["metric"], alarm["raised_at_s"])
        for alarm in json.loads(output_of("evaluate", recording, "--json"))["alarms"]
        if alarm["raised_at_s"] < SECONDS
    ]
    assert len(expected) >= 4
    assert [each[:2] for each in found] == [each[:2] for each in expected]
    # One sample a second: half a second tells neighbours apart.
    offsets = [ours[2] - theirs[2] for ours, theirs in zip(found, expected, strict=True)]
    assert max(offsets) - min(offsets) < 0.5


@pytest.mark.system
@pytest.mark.promise("G1")
def test_killed_server_has_every_acknowledged_sample_once_and_its_alarm(bidmc, certs, tmp_path):
    target, data = f"127.0.0.1:{free_port()}", tmp_path / "data"
    serve = ("serve", "--data", data, "--certs", certs, "--listen", target)
    watch = ("watch", "--server", target, "--certs", certs, "--viewer", "eve", "--json")
    replay = ("replay", bidmc / "bidmc_32_Numerics.csv", "--json",
              "--server", target, "--certs", certs, "--device", "replayed")  # fmt: skip

    with rpm_service(*replay) as device:
        with rpm_service(*serve) as server:
            server.wait_for("devices and viewers")
            with rpm_service(*watch) as viewer:
                raised = next(
                    shown
                    for shown in map(json.loads, viewer.lines())
                    if shown["type"] == "alarm" and shown["condition"] == "SPO2_LOW"
                )
            # What is on the screen is on disk within the next tick.
            while not any(each["condition"] == "SPO2_LOW" for each in journal_of(data)):
                time.sleep(0.05)
            server.kill()
        assert raised["presence"] == "ON"
        with rpm_service(*serve) as server:
            server.wait_for("devices and viewers")
            with rpm_service(*watch) as viewer:
                snapshot = viewer.report()
            # Not before: a device that has said all says goodbye, and its alarms end.
            device.end(signal.SIGINT)
            report = device.report()
            assert device.wait() == 0
    samples = objects(output_of("samples", "--data", data, "replayed", "--json"))

    standing = [each for each in snapshot["alarms"] if each["condition"] == "SPO2_LOW"]
    assert [each["occurrence_id"] for each in standing] == [raised["occurrence_id"]]
    assert standing[0]["presence"] == "ON"
    assert report["frames"] == report["acked"] == len({each["seq"] for each in samples})
    assert len(samples) == len({each["observed_at"] for each in samples}) == report["frames"]
