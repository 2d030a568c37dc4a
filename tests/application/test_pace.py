"""Devices that send more than they declared are read slower, and lose nothing."""

import pytest

from rpm_service.application.effects import Description, SampleArray
from rpm_service.application.pace import BURST_S, CHUNKS_PER_S, REST_S_MAX, TIMES, Pace, declared
from tests.support.scene import Scene
from tests.support.vital_signs import description, numeric

NOW = 1_800_000_000.0
ECG = SampleArray("ECG", 131330, 266418, 250, 0.001, 0)


def flooded(pace: Pace, seconds: float, frames_per_s: float) -> float:
    """Sends as fast as it is read, and no faster than that; gives the frames a second."""
    now, end, frames = NOW, NOW + seconds, 0
    while now < end:
        frames += 1
        now += 1 / frames_per_s + pace.spend(1, now)
    return frames / seconds


@pytest.mark.spec("ABUSE-1")
@pytest.mark.promise("A3")
def test_a_flood_is_limited_to_ten_times_what_was_declared() -> None:
    pace = Pace()
    pace.begin(NOW)
    pace.declare(2.0)
    over_an_hour = flooded(pace, 3600, 1000)
    assert over_an_hour == pytest.approx(2.0 * TIMES, rel=BURST_S / 3600 * 1.1)


@pytest.mark.spec("ABUSE-1")
@pytest.mark.promise("A3")
@pytest.mark.parametrize("times", [1, 5, 9.9])
def test_what_is_within_it_never_waits(times: float) -> None:
    pace = Pace()
    pace.begin(NOW)
    pace.declare(2.0)
    waits = [pace.spend(1, NOW + number / (2.0 * times)) for number in range(20_000)]
    assert not any(waits)


@pytest.mark.spec("ABUSE-1")
@pytest.mark.promise("A3")
def test_half_a_minute_may_come_at_once() -> None:
    pace = Pace()
    pace.begin(NOW)
    assert not any(pace.spend(1, NOW) for _ in range(int(TIMES * BURST_S)))
    assert pace.spend(1, NOW) == pytest.approx(1 / TIMES)
    assert pace.spend(4, NOW) == pytest.approx(4 / TIMES), "of a frame with four entries"


@pytest.mark.spec("ABUSE-1")
@pytest.mark.promise("A3")
def test_a_stream_rests_for_no_longer_than_it_may_be_silent() -> None:
    pace = Pace()
    pace.begin(NOW)
    assert pace.spend(4096, NOW) == REST_S_MAX < 10
    assert pace.spend(1, NOW + REST_S_MAX) == pytest.approx(1 / TIMES)


def test_describing_itself_again_earns_nothing() -> None:
    pace = Pace()
    pace.begin(NOW)
    for _ in range(int(TIMES * BURST_S)):
        pace.declare(5.0)
        pace.declare(1.0)
        pace.spend(1, NOW)
    assert pace.spend(1, NOW) > 0


def test_what_monitors_declare_adds_up() -> None:
    fast = Description((numeric("HR"),), (ECG,))
    assert declared([description("HR", "SpO2")]) == 1.0
    assert declared([fast, fast]) == 2 * (1.0 + CHUNKS_PER_S)
    assert declared([Description()]) == 1.0


@pytest.mark.spec("ABUSE-1")
@pytest.mark.promise("A3")
def test_a_device_that_is_read_slower_has_an_alarm_until_a_minute_after() -> None:
    scene = Scene()
    device = scene.device().begins("HR")
    device.sends(72)
    assert not any(device.session.spend(1, scene.now) for _ in range(int(TIMES * BURST_S)))
    assert "TOO_MANY_FRAMES" not in scene.alarms()
    assert device.session.spend(1, scene.now) > 0
    assert "TOO_MANY_FRAMES" in scene.alarms()
    device.streams(61, 72)
    assert "TOO_MANY_FRAMES" not in scene.alarms()
