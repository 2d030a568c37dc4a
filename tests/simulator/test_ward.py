"""Simulated beds against the real server, in this process, over real mutual TLS."""

from collections.abc import AsyncIterator
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from rpm_service.adapters.pki import Role, ensure_client
from rpm_service.app import Server, Settings
from rpm_service.application.effects import Connection
from rpm_service.domain.alarms import Phase
from rpm_service.gateways.streaming import Streams
from rpm_service.sdk import Credentials
from rpm_service.simulator.bedside import NUMERICS, WAVEFORMS, SimulatedBedside
from rpm_service.simulator.scenarios import ScenarioUnknown
from rpm_service.simulator.ward import CHUNK_S, devices, frames
from tests.support.memory_recorder import MemoryRecorder

RATE = 8.0
BEGIN = 1_700_000_000.0


class RunningServer:
    def __init__(self, certs: Path, data: Path, clock_rate: float) -> None:
        self.recorder = MemoryRecorder()
        # Nobody watches here, which is no alarm of a bed's story.
        units = data / "elsewhere.toml"
        units.write_text("[other]\ncovers = false\nescalation = []\n")
        settings = Settings(data, certs, "127.0.0.1:0", clock_rate=clock_rate, units=units)
        self.server = Server(settings, recorder=self.recorder)

    @property
    def target(self) -> str:
        return f"localhost:{self.server.port}"

    def raised(self, device_id: str) -> list[str]:
        """Codes of the alarms that began at a device."""
        return [
            event.alarm.condition.code
            for batch in self.recorder.batches
            for event in batch.events
            if event.phase is Phase.START and event.alarm.device_id == device_id
        ]


@pytest.fixture
async def server(certs: Path, tmp_path: Path) -> AsyncIterator[RunningServer]:
    running = RunningServer(certs, tmp_path, 1.0)
    await running.server.start()
    yield running
    await running.server.stop()


@pytest.fixture
async def fast_server(certs: Path, tmp_path: Path) -> AsyncIterator[RunningServer]:
    running = RunningServer(certs, tmp_path, RATE)
    await running.server.start()
    yield running
    await running.server.stop()


def credentials(certs: Path, beds: int) -> dict[str, Credentials]:
    found = {}
    for number in range(1, beds + 1):
        own = ensure_client(certs, Role.DEVICE, f"bed-{number:02}")
        found[f"bed-{number:02}"] = Credentials.from_pem(own.key_pem, own.chain_pem, own.trust_pem)
    return found


def test_what_a_bedside_says_is_what_it_measures_in_quarters_of_a_second() -> None:
    said = [frame[0] for frame in islice(frames(SimulatedBedside(3), BEGIN), 41)]
    measured = SimulatedBedside(3).advance(0, 10.25)
    assert [each.observed_at - BEGIN for each in said] == [number * CHUNK_S for number in range(41)]
    numerics = [each for each in said if each.values]
    assert [(each.observed_at - BEGIN, each.indices, each.validity) for each in numerics] == [
        (instant.at_s, instant.indices, instant.validity) for instant in measured.instants
    ]
    np.testing.assert_array_equal(
        np.concatenate([each.values for each in numerics]),
        np.concatenate([instant.values for instant in measured.instants]),
    )
    assert not said[0].sample_arrays
    for index, strip in enumerate(measured.strips):
        chunks = [chunk for each in said for chunk in each.sample_arrays if chunk.index == index]
        sent = b"".join(chunk.samples for chunk in chunks)
        assert sent == strip.samples.astype("<i2").tobytes()[: len(sent)]
        assert len(sent) // 2 == 10 * WAVEFORMS[index].sample_rate_hz
        assert chunks[0].start_at == BEGIN
        for before, chunk in pairwise(chunks):
            length_s = len(before.samples) / 2 / WAVEFORMS[index].sample_rate_hz
            assert chunk.start_at == pytest.approx(before.start_at + length_s, abs=1e-6)


@pytest.mark.spec("SIM-13")
async def test_a_ward_loses_nothing(server: RunningServer, certs: Path) -> None:
    told: list[str] = []
    ward = devices(credentials(certs, 3), "normal", seed=1)
    streams = Streams(server.target, ward, software="t", on_notice=told.append)
    await streams.run(seconds=1.0)
    assert (streams.frames, streams.acked, streams.refused) == (12, 12, 0)
    assert told == []
    bedsides = server.server.monitoring.ward.bedsides
    assert sorted(bedsides) == ["bed-01", "bed-02", "bed-03"]
    for bedside in bedsides.values():
        assert len(bedside.description.numerics) == len(NUMERICS)
        assert bedside.connection is Connection.AWAY


@pytest.mark.spec("SIM-13")
async def test_a_mixed_ward_raises_the_alarms_of_its_stories(
    fast_server: RunningServer, certs: Path
) -> None:
    told: list[str] = []
    ward = devices(credentials(certs, 8), "mixed", seed=1)
    streams = Streams(
        fast_server.target, ward, software="t", clock_rate=RATE, on_notice=told.append
    )
    await streams.run(seconds=40.0)
    assert told == []
    assert streams.frames == streams.acked == 8 * 160
    assert "SPO2_LOW" in fast_server.raised("bed-02")
    assert "HR_HIGH" in fast_server.raised("bed-04")
    assert "CONNECTION_LOST" in fast_server.raised("bed-07")
    assert "ASYSTOLE" in fast_server.raised("bed-08")
    for calm in ("bed-01", "bed-03", "bed-06"):
        assert fast_server.raised(calm) == []


async def test_each_bed_may_have_a_story_of_its_own(certs: Path) -> None:
    ward = devices(credentials(certs, 2), ["silence", "normal"], seed=1)
    assert [each.silence is None for each in ward] == [False, True]
    assert ward[0].silence is not None
    begin_s, end_s = ward[0].silence
    assert end_s - begin_s == 20.0
    with pytest.raises(ScenarioUnknown):
        devices(credentials(certs, 1), "flatline", seed=1)
