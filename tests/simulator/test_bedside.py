from itertools import pairwise
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpm_service.domain.limits import AgeClass
from rpm_service.domain.metrics import BY_CODE
from rpm_service.domain.presets import PRESETS
from rpm_service.sdk import NO_SAMPLE, Validity
from rpm_service.simulator.bedside import (
    NUMERIC_NAMES,
    NUMERICS,
    WAVEFORMS,
    Chunk,
    SimulatedBedside,
    ward,
)
from rpm_service.simulator.scenarios import SCENARIO_NAMES, SCENARIOS, ScenarioUnknown

ECG, PLETH, RESP = range(3)
SEEDS = range(12)


def physical(chunk: Chunk, index: int) -> np.ndarray:
    return chunk.strips[index].samples * WAVEFORMS[index].scale


def series(chunk: Chunk, name: str) -> dict[float, float]:
    """Values of one numeric by the second they were observed at."""
    wanted = NUMERIC_NAMES.index(name)
    return {
        instant.at_s: instant.values[instant.indices.index(wanted)]
        for instant in chunk.instants
        if wanted in instant.indices
    }


def peaks(values: np.ndarray, above: float) -> np.ndarray:
    """Positions of the highest sample of each stretch above a height."""
    high = np.flatnonzero(values > above)
    stretches = np.split(high, np.flatnonzero(np.diff(high) > 1) + 1) if high.size else []
    return np.array([stretch[values[stretch].argmax()] for stretch in stretches])


def same(one: Chunk, other: Chunk) -> bool:
    return repr(one.instants) == repr(other.instants) and all(
        a.index == b.index and a.start_s == b.start_s and np.array_equal(a.samples, b.samples)
        for a, b in zip(one.strips, other.strips, strict=True)
    )


def joined(chunks: list[Chunk]) -> tuple[str, list[np.ndarray]]:
    samples = [
        np.concatenate(
            [strip.samples for chunk in chunks for strip in chunk.strips if strip.index == index]
            or [np.array([], np.int16)]
        )
        for index in range(len(WAVEFORMS))
    ]
    return repr([instant for chunk in chunks for instant in chunk.instants]), samples


@pytest.mark.spec("SIM-1")
@pytest.mark.parametrize("scenario", SCENARIO_NAMES)
def test_the_same_seed_gives_the_same_bedside(scenario: str) -> None:
    first = SimulatedBedside(7, scenario, 2).advance(0, 40)
    assert same(first, SimulatedBedside(7, scenario, 2).advance(0, 40))
    assert not same(first, SimulatedBedside(8, scenario, 2).advance(0, 40))
    assert not same(first, SimulatedBedside(7, scenario, 3).advance(0, 40))


@pytest.mark.spec("SIM-2")
@given(
    scenario=st.sampled_from(sorted(SCENARIOS)),
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.floats(0, 40) | st.integers(0, 40), max_size=12),
)
@settings(max_examples=60)
def test_in_however_many_pieces_time_comes_the_bedside_is_the_same(
    scenario: str, seed: int, cuts: list[float]
) -> None:
    whole = joined([SimulatedBedside(seed, scenario).advance(0, 40)])
    bedside = SimulatedBedside(seed, scenario)
    edges = [0, *sorted(cuts), 40]
    pieces = joined([bedside.advance(start, end) for start, end in pairwise(edges)])
    assert pieces[0] == whole[0]
    for piece, one in zip(pieces[1], whole[1], strict=True):
        np.testing.assert_array_equal(piece, one)


@pytest.mark.spec("SIM-2")
def test_time_may_be_skipped_and_never_taken_back() -> None:
    bedside = SimulatedBedside(1, "tachycardia")
    late = bedside.advance(90, 100)
    steady = SimulatedBedside(1, "tachycardia")
    steady.advance(0, 90)
    assert same(late, steady.advance(90, 100))
    with pytest.raises(AssertionError, match="does not go back"):
        bedside.advance(99, 101)


def test_a_moment_holds_what_falls_into_it() -> None:
    bedside = SimulatedBedside(1)
    nothing = bedside.advance(0.001, 0.003)
    assert (nothing.instants, nothing.strips) == ((), ())
    chunk = bedside.advance(0.9, 1.0)
    assert chunk.instants == ()
    assert [strip.start_s for strip in chunk.strips] == pytest.approx([0.9, 0.904, 0.912])
    assert [instant.at_s for instant in bedside.advance(1.0, 3.0).instants] == [1.0, 2.0]


def test_numerics_come_in_their_own_periods() -> None:
    chunk = SimulatedBedside(3).advance(0, 700)
    for name in ("HR", "PR", "SpO2", "RR"):
        assert list(series(chunk, name)) == list(range(700))
    for name in ("NIBPs", "NIBPd", "NIBPm"):
        assert list(series(chunk, name)) == [3, 303, 603]
    assert list(series(chunk, "Temp")) == list(range(0, 700, 60))
    assert [len(strip.samples) for strip in chunk.strips] == [175_000, 87_500, 43_750]


def test_the_description_is_one_the_service_knows() -> None:
    for name, numeric in zip(NUMERIC_NAMES, NUMERICS, strict=True):
        metric = BY_CODE[numeric.code]
        assert metric.name == name
        assert numeric.unit in metric.units
    rates = {array.label: array.sample_rate_hz for array in WAVEFORMS}
    assert rates == {"II": 250.0, "Pleth": 125.0, "Resp": 62.5}


@pytest.mark.spec("SIM-3")
@pytest.mark.parametrize("scenario", ["normal", "tachycardia", "desaturation"])
def test_heart_rate_is_that_of_the_r_waves(scenario: str) -> None:
    for seed in SEEDS:
        chunk = SimulatedBedside(seed, scenario).advance(0, 60)
        r_waves = peaks(physical(chunk, ECG), above=0.6) / 250
        for second, rate in series(chunk, "HR").items():
            seen = r_waves[r_waves <= second][-9:]
            if len(seen) == 9:
                assert rate == pytest.approx(60 * 8 / (seen[-1] - seen[0]), abs=1)


@pytest.mark.spec("SIM-3")
def test_every_beat_makes_one_pulse_a_fifth_of_a_second_later() -> None:
    for seed in SEEDS:
        chunk = SimulatedBedside(seed, "tachycardia").advance(0, 60)
        r_waves = peaks(physical(chunk, ECG), above=0.6) / 250
        pulses = peaks(physical(chunk, PLETH), above=0.6) / 125
        pulses = pulses[pulses > r_waves[0]]
        delays = pulses - r_waves[: len(pulses)]
        assert 0 <= len(r_waves) - len(pulses) <= 1
        assert (delays > 0.2).all()
        assert (delays < 0.45).all()


@pytest.mark.spec("SIM-3")
def test_a_pulse_has_a_dicrotic_notch() -> None:
    chunk = SimulatedBedside(2).advance(0, 20)
    pulse = physical(chunk, PLETH)
    smooth = np.convolve(pulse, np.ones(5) / 5, mode="same")
    turns = np.flatnonzero((smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:])) + 1
    second_waves = [turn for turn in turns if 0.25 < smooth[turn] < 0.6]
    assert len(second_waves) >= len(peaks(pulse, above=0.6)) - 1


@pytest.mark.spec("SIM-3")
def test_respiratory_rate_is_that_of_the_breaths() -> None:
    for seed in SEEDS:
        chunk = SimulatedBedside(seed).advance(0, 120)
        smooth = np.convolve(physical(chunk, RESP), np.ones(25) / 25, mode="same")
        breaths = peaks(smooth, above=0.5) / 62.5
        counted = 60 * (len(breaths) - 1) / (breaths[-1] - breaths[0])
        assert np.mean(list(series(chunk, "RR").values())) == pytest.approx(counted, abs=1)


@pytest.mark.spec("SIM-4")
def test_a_calm_patient_stays_within_adult_limits_and_is_never_still() -> None:
    limits = PRESETS[AgeClass.ADULT].limits
    for seed in SEEDS:
        chunk = SimulatedBedside(seed).advance(0, 1800)
        assert all(
            validity is Validity.VALID
            for instant in chunk.instants
            for validity in instant.validity
        )
        for name in NUMERIC_NAMES:
            values = list(series(chunk, name).values())
            low, high = limits[name].low, limits[name].high
            assert low is None or min(values) >= low
            assert high is None or max(values) <= high
        rates = series(chunk, "HR")
        assert len(set(rates.values())) > 5
        assert max(abs(rates[second] - rates[second - 1]) for second in range(1, 1800)) <= 4
        assert np.abs(physical(chunk, ECG)).max() < 2
        assert -0.1 < physical(chunk, PLETH).min() < physical(chunk, PLETH).max() < 1.1
        systolic, diastolic, mean = (
            np.array(list(series(chunk, name).values())) for name in ("NIBPs", "NIBPd", "NIBPm")
        )
        assert (diastolic < mean).all()
        assert (mean < systolic).all()


@pytest.mark.spec("SIM-5")
@pytest.mark.parametrize("scenario", sorted(set(SCENARIOS) - {"normal"}))
def test_every_story_begins_within_ten_seconds_and_at_its_own_time(scenario: str) -> None:
    onsets = [SimulatedBedside(seed, scenario).onset_s for seed in SEEDS]
    assert all(0 < onset_s < 10 for onset_s in onsets)
    assert len(set(onsets)) == len(onsets)


@pytest.mark.spec("SIM-6")
def test_desaturation_falls_to_about_82_and_recovers() -> None:
    for seed in SEEDS:
        chunk = SimulatedBedside(seed, "desaturation").advance(0, 180)
        spo2, rate = series(chunk, "SpO2"), series(chunk, "HR")
        assert spo2[0] >= 93
        assert 80 <= min(spo2.values()) <= 84
        assert all(spo2[second] < 90 for second in range(18, 60))
        assert min(spo2[second] for second in range(150, 180)) >= 92
        assert max(rate.values()) >= rate[0] + 12
        assert max(rate.values()) < 120


@pytest.mark.spec("SIM-7")
def test_asystole_is_heart_rate_zero_and_a_flat_ecg_then_no_pulse() -> None:
    for seed in SEEDS:
        bedside = SimulatedBedside(seed, "asystole")
        chunk = bedside.advance(0, 60)
        rate, pulse, spo2 = (series(chunk, name) for name in ("HR", "PR", "SpO2"))
        assert rate[2] > 50
        assert all(rate[second] == 0 for second in range(10, 60))
        after = physical(chunk, ECG)[int((bedside.onset_s + 1) * 250) :]
        assert np.abs(after).max() < 0.15
        assert pulse[5] > 50
        assert all(np.isnan([pulse[second], spo2[second]]).all() for second in range(13, 60))
        assert np.abs(physical(chunk, PLETH)[13 * 125 :]).max() < 0.05
        assert series(chunk, "RR")[59] == 0
        missing = chunk.instants[20]
        assert missing.validity[:3] == (Validity.VALID, Validity.MISSING, Validity.MISSING)


@pytest.mark.spec("SIM-8")
def test_tachycardia_climbs_to_about_155_and_stays() -> None:
    for seed in SEEDS:
        rate = series(SimulatedBedside(seed, "tachycardia").advance(0, 120), "HR")
        assert rate[0] < 105
        assert all(150 <= rate[second] <= 160 for second in range(25, 120))


@pytest.mark.spec("SIM-9")
def test_with_a_lead_off_the_heart_rate_is_not_valid_and_the_pulse_goes_on() -> None:
    for seed in SEEDS:
        bedside = SimulatedBedside(seed, "lead-off")
        begin_s, end_s = bedside.onset_s, bedside.onset_s + 15
        chunk = bedside.advance(0, 40)
        for instant in chunk.instants:
            off = begin_s <= instant.at_s < end_s
            assert instant.validity[0] is (Validity.INVALID if off else Validity.VALID)
            assert instant.validity[1:4] == (Validity.VALID,) * 3
            assert instant.values[0] > 50
        times = np.arange(40 * 250) / 250
        gone = chunk.strips[ECG].samples == NO_SAMPLE
        np.testing.assert_array_equal(gone, (times >= begin_s) & (times < end_s))
        assert not any((chunk.strips[index].samples == NO_SAMPLE).any() for index in (PLETH, RESP))
        assert len(peaks(physical(chunk, PLETH), above=0.6)) > 35


@pytest.mark.spec("SIM-10")
def test_a_silent_device_is_silent_for_twenty_seconds_and_measures_on() -> None:
    bedside = SimulatedBedside(4, "silence")
    silent = [second / 10 for second in range(600) if bedside.silent(second / 10)]
    assert len(silent) in {199, 200, 201}
    assert 0 < silent[0] < 10
    assert len(bedside.advance(0, 60).instants) == 60
    calm = SimulatedBedside(4, "normal")
    assert not any(calm.silent(second) for second in range(600))


@pytest.mark.spec("SIM-11")
def test_a_flood_takes_every_value_beyond_its_limit_and_back_each_second() -> None:
    limits = PRESETS[AgeClass.ADULT].limits
    low = {name: -inf if each.low is None else each.low for name, each in limits.items()}
    high = {name: inf if each.high is None else each.high for name, each in limits.items()}
    chunk = SimulatedBedside(5, "flood").advance(5, 65)
    for instant in chunk.instants:
        assert instant.indices == tuple(range(len(NUMERICS)))
        beyond = [
            value < low[name] or value > high[name]
            for name, value in zip(NUMERIC_NAMES, instant.values, strict=True)
        ]
        assert beyond == [instant.at_s % 2 == 1] * len(NUMERICS)


@pytest.mark.spec("SIM-12")
def test_a_mixed_ward_has_a_story_at_each_of_its_first_beds_and_is_calm_beyond() -> None:
    names = [bedside.scenario.name for bedside in ward(64, "mixed", seed=1)]
    assert names[:8] == [
        "normal",
        "desaturation",
        "normal",
        "tachycardia",
        "lead-off",
        "normal",
        "silence",
        "asystole",
    ]
    assert set(names[8:]) == {"normal"}


@pytest.mark.spec("SIM-12")
def test_eight_mixed_beds_show_their_alarms_within_half_a_minute() -> None:
    delay_s = 10
    for seed in SEEDS:
        beds = ward(8, "mixed", seed)
        chunks = [bedside.advance(0, 30) for bedside in beds]
        spo2, rate, stopped = (
            series(chunks[1], "SpO2"), series(chunks[3], "HR"), series(chunks[7], "HR"),
        )  # fmt: skip
        assert all(spo2[second] < 90 for second in range(29 - delay_s, 30))
        assert all(rate[second] > 120 for second in range(29 - delay_s, 30))
        assert chunks[4].instants[10].validity[0] is Validity.INVALID
        assert beds[6].silent(10)
        assert stopped[10] > 50
        assert stopped[25] == 0


def test_an_unknown_scenario_is_refused_with_those_there_are() -> None:
    with pytest.raises(ScenarioUnknown) as refused:
        SimulatedBedside(1, "flatline")
    assert str(refused.value) == (
        "no scenario 'flatline'; there are normal, desaturation, asystole, tachycardia, "
        "lead-off, silence, flood, mixed"
    )
