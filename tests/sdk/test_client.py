"""The client over real mutual TLS, against a server that does what the test says."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest

from rpm_service.adapters import pki
from rpm_service.sdk import (
    FRAME_BYTES_MAX,
    AlarmKind,
    AlarmPriority,
    Coverage,
    Credentials,
    GoodbyeReason,
    Monitor,
    Observation,
    Refusal,
    Refused,
    Samples,
    Settings,
    State,
    TelemetryClient,
    Validity,
    int16_bytes,
)
from rpm_service.v1 import alarm_pb2, telemetry_pb2
from tests.sdk.conftest import DEVICE
from tests.support.fake_telemetry import FakeTelemetry

PATIENCE_S = 30.0


@pytest.mark.spec("SDK-1")
async def test_a_dozen_lines_stream(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    async with TelemetryClient(server.target, credentials, [monitor], software="t") as client:
        number = client.observe([98.0, 72.0], observed_at=5.0)
        session = await server.session()
        hello = await session.open()
        assert (hello.protocol_version, hello.software) == (1, "t")
        (frame,) = await session.observations_of(1)
        assert number == 1
        assert list(frame.entries[0].values) == [98.0, 72.0]
        assert frame.entries[0].observed_at == 5.0
        await session.ack(1)
        await client.drained(PATIENCE_S)
        assert client.counters.frames_acked == 1
        assert client.state is State.STREAMING


@pytest.mark.spec("SDK-1")
def test_a_device_maker_needs_grpcio_protobuf_and_cryptography_only() -> None:
    code = "import sys, rpm_service.sdk; print(*{name.partition('.')[0] for name in sys.modules})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    loaded = set(answer.stdout.decode().split())
    assert {"grpc", "google", "cryptography"} <= loaded
    assert not loaded & {"numpy", "sqlalchemy", "fastapi", "uvicorn", "typer", "rich", "wfdb"}


@pytest.mark.spec("SDK-5")
@pytest.mark.spec("SDK-8")
async def test_a_server_that_dies_gets_what_it_had_not_on_disk_when_it_is_back(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    lost: list[str] = []
    async with TelemetryClient(
        server.target, credentials, [monitor], on_disconnected=lost.append
    ) as client:
        for value in (90.0, 91.0, 92.0):
            client.observe([value, 72.0])
        session = await server.session()
        await session.open()
        await session.observations_of(1, 2, 3)
        await session.ack(1)
        await server.stop()
        client.observe([93.0, 72.0])
        await server.start()
        session = await server.session()
        hello = await session.open(resume_from_seq=2)
        assert (hello.spool_first_seq, hello.spool_last_seq) == (2, 4)
        frames = await session.observations_of(2, 3, 4)
        assert [frame.entries[0].values[0] for frame in frames] == [91.0, 92.0, 93.0]
        await session.ack(4)
        await client.drained(PATIENCE_S)
        assert client.counters.frames == client.counters.frames_acked == 4
        assert client.counters.reconnects == 1
    assert lost


@pytest.mark.spec("SDK-8")
async def test_a_server_that_is_not_there_yet_is_tried_until_it_is(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    await server.stop()
    tried = asyncio.Event()
    async with TelemetryClient(
        server.target, credentials, [monitor], on_disconnected=lambda _: tried.set()
    ) as client:
        client.observe([98.0, 72.0])
        with pytest.raises(TimeoutError):
            await client.connected(0.01)
        async with asyncio.timeout(PATIENCE_S):
            await tried.wait()
        await server.start()
        session = await server.session()
        await session.open()
        await client.connected(PATIENCE_S)
        await session.observations_of(1)


async def test_a_server_that_keeps_silent_is_left_and_tried_again(
    server: FakeTelemetry,
    credentials: Credentials,
    monitor: Monitor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rpm_service.sdk.session.WELCOME_S_MAX", 0.5)
    async with TelemetryClient(server.target, credentials, [monitor]):
        silent = await server.session()
        await silent.frame("hello")
        # The next one, which answers, has all the time it wants.
        monkeypatch.setattr("rpm_service.sdk.session.WELCOME_S_MAX", PATIENCE_S)
        again = await server.session()
        await again.open()


async def test_an_answer_that_breaks_the_contract_ends_the_connection_and_not_the_client(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    lost: list[str] = []
    async with TelemetryClient(server.target, credentials, [monitor], on_disconnected=lost.append):
        session = await server.session()
        await session.frame("hello")
        await session.ack(1)
        session = await server.session()
        await session.open()
    assert "broke the contract" in lost[0]


@pytest.mark.spec("SDK-9")
async def test_a_program_is_told_of_refusals_settings_coverage_and_connections(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    told: list[object] = []
    async with TelemetryClient(
        server.target,
        credentials,
        [monitor],
        on_refusal=told.append,
        on_settings=told.append,
        on_coverage=told.append,
        on_connected=lambda: told.append("connected"),
    ) as client:
        number = client.observe([500.0, 72.0])
        session = await server.session()
        await session.open(resume_from_seq=41)
        await session.observations_of(41)
        await session.say(settings=telemetry_pb2.Settings(mds=0))
        await session.say(coverage=telemetry_pb2.Coverage(mds=0, covered=False))
        await session.say(refusal=telemetry_pb2.Refusal(seq=41, field="values[0]", reason="no"))
        await client.drained(PATIENCE_S)
    assert told == [
        "connected",
        Settings(0, ()),
        Coverage(0, covered=False),
        Refusal(number, "values[0]", "no", False),
    ]
    assert client.counters.frames_refused == 1


@pytest.mark.spec("SDK-10")
@pytest.mark.parametrize(
    "code", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED]
)
async def test_a_certificate_that_is_refused_ends_the_client(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor, code: grpc.StatusCode
) -> None:
    async with TelemetryClient(server.target, credentials, [monitor]) as client:
        await (await server.session()).refuse(code, "not a device of this ward")
        with pytest.raises(Refused, match="not a device of this ward") as refused:
            await client.connected(PATIENCE_S)
        assert refused.value.code == code.name
        with pytest.raises(Refused):
            client.observe([98.0, 72.0])
        with pytest.raises(Refused):
            await client.goodbye(GoodbyeReason.SHUTDOWN)
    assert server.no_session_waits()


@pytest.mark.spec("SDK-10")
async def test_a_refusal_that_nobody_has_seen_is_raised_on_leaving(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    client = await TelemetryClient(server.target, credentials, [monitor]).__aenter__()
    await (await server.session()).refuse(grpc.StatusCode.PERMISSION_DENIED, "no")
    assert client._task is not None
    await asyncio.wait([client._task])
    with pytest.raises(Refused):
        await client.__aexit__(None, None, None)


async def test_an_error_in_a_callback_ends_the_client(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    def fail() -> None:
        raise LookupError("the program's own fault")

    async with TelemetryClient(server.target, credentials, [monitor], on_connected=fail) as client:
        session = await server.session()
        await session.frame("hello")
        await session.welcome()
        with pytest.raises(LookupError, match="own fault"):
            await client.goodbye(GoodbyeReason.SHUTDOWN, PATIENCE_S)


@pytest.mark.spec("SDK-11")
async def test_an_idle_device_lives(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    async with TelemetryClient(server.target, credentials, [monitor], clock=lambda: 77.0):
        session = await server.session()
        hello = await session.open(heartbeat_interval_s=0.1)
        assert hello.device_clock == 77.0
        assert (await session.frame("heartbeat")).device_clock == 77.0
        await session.frame("heartbeat")


@pytest.mark.spec("SDK-41")
@pytest.mark.promise("G2")
async def test_a_server_that_is_silent_on_a_connection_that_lives_is_left_and_called_again(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    why: list[str] = []
    async with TelemetryClient(
        server.target, credentials, [monitor], on_disconnected=why.append
    ) as client:
        silent = await server.session()
        await silent.open(server_heartbeat_interval_s=0.05)
        client.observe([98.0, 72.0])
        again = await server.session()
        assert why == ["DEADLINE_EXCEEDED: the server said nothing for too long"]
        await again.open()
        await again.observations_of(1)


@pytest.mark.spec("SDK-15")
async def test_a_hushed_device_does_not_say_that_it_lives(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    async with TelemetryClient(server.target, credentials, [monitor]) as client:
        session = await server.session()
        await session.open(heartbeat_interval_s=0.05)
        begun = time.monotonic()
        client.hush(0.4)
        client.observe([98.0, 72.0])
        await session.observations_of(1)
        assert time.monotonic() - begun >= 0.4


@pytest.mark.spec("SDK-12")
async def test_goodbye_is_the_last_word(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    async with TelemetryClient(server.target, credentials, [monitor]) as client:
        client.observe([98.0, 72.0])
        leaving = asyncio.create_task(client.goodbye(GoodbyeReason.DISCHARGE, PATIENCE_S))
        session = await server.session()
        await session.open()
        await session.observations_of(1)
        goodbye = await session.frame("goodbye")
        assert goodbye.reason == telemetry_pb2.GOODBYE_REASON_DISCHARGE
        await session.half_close()
        with pytest.raises(RuntimeError, match="after goodbye"):
            client.observe([98.0, 72.0])
        session.end()
        assert await leaving
    assert server.no_session_waits()


@pytest.mark.spec("SDK-12")
async def test_leaving_without_goodbye_ends_the_call_and_says_nothing(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    async with TelemetryClient(server.target, credentials, [monitor]) as client:
        session = await server.session()
        await session.open()
        await client.connected(PATIENCE_S)
    async with asyncio.timeout(PATIENCE_S):
        await session.gone.wait()
    await session.half_close()


@pytest.mark.spec("SDK-16")
async def test_a_server_without_tls_never_hears_a_word(
    credentials: Credentials, monitor: Monitor
) -> None:
    first_bytes: asyncio.Queue[bytes] = asyncio.Queue()

    async def in_plain_text(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first_bytes.put_nowait(await reader.read(3))
        writer.write(b"\0\0\0\x04\0\0\0\0\0")  # an empty SETTINGS frame, as HTTP/2 begins
        writer.close()

    listener = await asyncio.start_server(in_plain_text, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with (
        listener,
        TelemetryClient(f"localhost:{port}", credentials, [monitor]) as client,
        asyncio.timeout(PATIENCE_S),
    ):
        for _ in range(3):
            begin = await first_bytes.get()
            assert begin[:2] == b"\x16\x03", "not a TLS handshake"
        assert client.counters.connects == 0


@pytest.mark.spec("SDK-16")
async def test_a_server_of_another_authority_is_not_spoken_to(
    tmp_path: Path, credentials: Credentials, monitor: Monitor
) -> None:
    pki.init(tmp_path / "other", now=time.time())
    lost: asyncio.Queue[str] = asyncio.Queue()
    async with (
        FakeTelemetry(tmp_path / "other") as stranger,
        TelemetryClient(stranger.target, credentials, [monitor], on_disconnected=lost.put_nowait),
        asyncio.timeout(PATIENCE_S),
    ):
        assert "UNAVAILABLE" in await lost.get()
        assert "UNAVAILABLE" in await lost.get()
        assert stranger.no_session_waits()


async def test_a_device_raises_and_ends_its_own_alarm(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    async with TelemetryClient(server.target, credentials, [monitor]) as client:
        session = await server.session()
        await session.open()
        client.raise_alarm("ASYSTOLE", AlarmPriority.HIGH, monitor=DEVICE, text="no QRS")
        client.end_alarm("ASYSTOLE", monitor=DEVICE, observed_at=9.0)
        begun, ended = await session.frame("device_alarm"), await session.frame("device_alarm")
        assert (begun.seq, begun.present, begun.text) == (1, True, "no QRS")
        assert begun.kind == alarm_pb2.ALARM_KIND_PHYSIOLOGICAL
        assert (ended.seq, ended.present, ended.observed_at) == (2, False, 9.0)
        assert ended.priority == alarm_pb2.ALARM_PRIORITY_HIGH
        with pytest.raises(KeyError):
            client.end_alarm("ASYSTOLE", monitor=DEVICE)
        client.raise_alarm("LOW_BATTERY", AlarmPriority.LOW, kind=AlarmKind.TECHNICAL)
        assert (await session.frame("device_alarm")).kind == alarm_pb2.ALARM_KIND_TECHNICAL


async def test_a_gateway_puts_its_ward_into_one_frame(
    server: FakeTelemetry, credentials: Credentials
) -> None:
    ward = [Monitor(f"gw/{name}", numerics=(), sample_arrays=()) for name in ("one", "two")]
    chunk = Samples(0, 1.0, int16_bytes([1, 2]))
    async with TelemetryClient(server.target, credentials, ward) as client:
        session = await server.session()
        await session.open()
        client.observe_many([Observation(1.0, mds=mds, sample_arrays=(chunk,)) for mds in (0, 1)])
        client.observe(monitor="gw/two", sample_arrays=[chunk], observed_at=2.0)
        both, second = await session.observations_of(1, 2)
        assert [entry.mds for entry in both.entries] == [0, 1]
        assert [entry.mds for entry in second.entries] == [1]


@pytest.mark.parametrize(
    ("observation", "what"),
    [
        (Observation(1.0, [98.0]), "1 values for 2 numerics"),
        (Observation(1.0, [98.0, 72.0], indices=[0]), "2 values for 1 indices"),
        (Observation(1.0, [98.0], indices=[0], validity=[Validity.VALID] * 2), "2 validities"),
        (Observation(1.0, [98.0, 72.0], mds=1), "no monitor 1"),
        (
            Observation(1.0, sample_arrays=[Samples(0, 1.0, bytes(FRAME_BYTES_MAX))]),
            "split it",
        ),
    ],
)
async def test_what_does_not_fit_the_monitor_is_refused_before_it_is_kept(
    credentials: Credentials, monitor: Monitor, observation: Observation, what: str
) -> None:
    async with TelemetryClient("localhost:1", credentials, [monitor]) as client:
        with pytest.raises(ValueError, match=what):
            client.observe_many([observation])
        assert client.pending == client.counters.frames == 0
