"""`rpm-service demo`: the front door."""

import json
import signal

import pytest

from tests.support.process import free_port, rpm_service


def demo(tmp_path, *more: object) -> tuple[object, ...]:
    return (
        "demo", "--data", tmp_path / "data", "--certs", tmp_path / "certs",
        "--listen", f"127.0.0.1:{free_port()}", "--web", f"127.0.0.1:{free_port()}", *more,
    )  # fmt: skip


@pytest.mark.system
def test_demo_ends_by_itself_with_a_report_and_nothing_lost(tmp_path):
    report = tmp_path / "demo.json"
    with rpm_service(*demo(tmp_path, "--seconds", 12, "--report", report)) as running:
        assert "/sign-in?token=" in running.wait_for("sign in")
        assert running.wait() == 0
    found = json.loads(report.read_text())
    assert list(found) == ["frames", "acked", "alarms", "viewers", "lost"]
    # Eight beds say something four times a second.
    assert 8 * 4 * 11 <= found["frames"] == found["acked"] <= 8 * 4 * 12
    assert found["alarms"] > 0
    assert found["viewers"] == 1
    assert found["lost"] == 0


@pytest.mark.system
def test_demo_replays_recordings_and_drains_at_ctrl_c(bidmc, tmp_path):
    some = tmp_path / "recordings"
    some.mkdir()
    for name in ("bidmc_32_Numerics.csv", "bidmc_32_Signals.csv", "bidmc_13_Numerics.csv"):
        (some / name).symlink_to(bidmc / name)
    # The later address wins: any free port.
    with rpm_service(*demo(tmp_path, "--recordings", some, "--web", "127.0.0.1:0")) as running:
        assert running.wait_for("2 beds")
        page = running.wait_for("page:").rpartition("/")[2].strip()
        assert running.wait_for("another link").strip().endswith(f"--web {page}")
        assert running.wait_for("ends at Ctrl-C")
        running.end(signal.SIGINT)
        found = running.report()
        assert running.wait() == 0
    assert found["lost"] == 0
