"""Bad input over real loopback mutual TLS: a clear refusal, and nothing else is lost."""

import asyncio
import re
from contextlib import suppress
from math import inf, nan
from typing import Any

import grpc
import pytest

from rpm_service.adapters.grpc.telemetry import FRAME_BYTES_MAX
from rpm_service.v1 import telemetry_pb2
from rpm_service.v1.alarm_pb2 import VALIDITY_INVALID
from tests.support.loopback import Device, LoopbackServer, ecg, monitor, numeric

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
HR, SPO2 = 0, 1


def samples(device: Device, **fields: Any) -> telemetry_pb2.SampleArray:
    standard = {"index": 0, "start_at": device.now() - 1, "samples": b"\x01\x00" * 4}
    return telemetry_pb2.SampleArray(**(standard | fields))


BAD_ENTRIES = {
    "unknown index": (
        lambda d: d.entry(80.0, 97.0, indices=[HR, 7]),
        "indices[1]",
        "7 is not one of the 2 described numerics",
    ),
    "largest index": (lambda d: d.entry(80.0, indices=[2**32 - 1]), "indices[0]", "4294967295"),
    "an index twice": (lambda d: d.entry(80.0, 81.0, indices=[HR, HR]), "indices", "twice"),
    "too few values": (lambda d: d.entry(80.0), "values", "1 values for 2 described numerics"),
    "too many values": (lambda d: d.entry(80.0, 97.0, 97.0), "values", "3 values for 2"),
    "more indices than values": (
        lambda d: d.entry(80.0, indices=[HR, SPO2]),
        "values",
        "1 values for 2 indices",
    ),
    "nothing at all": (
        lambda d: telemetry_pb2.MdsObservation(observed_at=d.now()),
        "values",
        "0 values for 2 described numerics",
    ),
    "unknown validity": (
        lambda d: d.entry(80.0, 97.0, validity=[1, 9]),
        "validity[1]",
        "9 is not a validity",
    ),
    "too few validities": (lambda d: d.entry(validity=[1]), "validity", "1 validities for 2"),
    "unknown monitor": (
        lambda d: d.entry(mds=1),
        "mds",
        "1 is not one of the 1 described monitors",
    ),
    "1970": (lambda d: d.entry(at=0.0), "observed_at", r"\d{5} days ago by the device's own clock"),
    "before 1970": (lambda d: d.entry(at=-DAY_S), "observed_at", "days ago"),
    "longer ago than any spool": (
        lambda d: d.entry(at=d.now() - 8 * DAY_S),
        "observed_at",
        "8 days ago by the device's own clock",
    ),
    "the future": (
        lambda d: d.entry(at=d.now() + HOUR_S),
        "observed_at",
        "3600 s in the future by the device's own clock",
    ),
    "no time": (lambda d: d.entry(at=nan), "observed_at", "not a time"),
    "an infinite time": (lambda d: d.entry(at=inf), "observed_at", "not a time"),
}


@pytest.mark.spec("WIRE-10")
@pytest.mark.parametrize("case", BAD_ENTRIES)
async def test_an_entry_that_cannot_be_is_refused_by_name_and_the_rest_of_its_frame_counts(
    server: LoopbackServer, device: Device, neighbour: Device, case: str
) -> None:
    bad, field, reason = BAD_ENTRIES[case]
    seq = await device.observe(bad(device), device.entry(72.0, 98.0))
    refused_seq, refused_field, refused_reason = await device.refusal()
    assert (refused_seq, refused_field) == (seq, f"observations.entries[0].{field}")
    assert re.search(reason, refused_reason)
    assert "\n" not in refused_reason
    await device.acked(seq)
    await device.lives()
    assert [(row.seq, list(row.values)) for own, row in server.rows if own == "bed-1"] == [
        (seq, [72.0, 98.0]),
        (seq + 1, [80.0, 97.0]),
    ]
    assert server.alarms("bed-1") == []


@pytest.mark.spec("WIRE-10")
async def test_an_entry_is_refused_whole_with_its_samples(
    server: LoopbackServer, device: Device
) -> None:
    seq = await device.observe(device.entry(80.0, sample_arrays=[samples(device)]))
    assert (await device.refusal())[1] == "observations.entries[0].values"
    await device.acked(seq)
    assert server.rows == []
    assert server.waveforms == []


BAD_VALUES = {
    "infinity": ((inf, 97.0), {}, HR, "infinity is not a value; NaN says there is none"),
    "minus infinity": ((80.0, -inf), {}, SPO2, "infinity is not a value"),
    "above the plausible range": ((350.5, 97.0), {}, HR, "HR 350.5 is not within 0 to 350"),
    "below the plausible range": ((-1.0, 97.0), {}, HR, "HR -1 is not within 0 to 350"),
    "at an index": ((97.0, 351.0), {"indices": [SPO2, HR]}, 1, "HR 351 is not within 0 to 350"),
}


@pytest.mark.spec("WIRE-38")
@pytest.mark.parametrize("case", BAD_VALUES)
async def test_a_value_that_cannot_be_is_refused_by_its_place_and_the_rest_of_its_entry_counts(
    server: LoopbackServer, device: Device, neighbour: Device, case: str
) -> None:
    values, fields, place, reason = BAD_VALUES[case]
    entry = device.entry(*values, sample_arrays=[samples(device)], **fields)
    seq = await device.observe(entry)
    refused_seq, field, refused_reason = await device.refusal()
    assert (refused_seq, field) == (seq, f"observations.entries[0].values[{place}]")
    assert reason in refused_reason
    await device.acked(seq)
    (row,) = [row for own, row in server.rows if own == "bed-1"]
    left, validity = list(values), [0, 0]
    left[place], validity[place] = nan, VALIDITY_INVALID
    assert list(row.values) == pytest.approx(left, nan_ok=True)
    assert list(row.validity) == validity
    assert len(server.waveforms) == 1
    await device.lives()


@pytest.mark.spec("WIRE-38")
async def test_a_broken_probe_is_an_invalid_signal_and_the_heart_rate_beside_it_is_judged(
    server: LoopbackServer,
) -> None:
    async with server.device("bed-1") as device:
        await device.begin(monitor("bed-1", numerics=[numeric("HR"), numeric("Temp")]))
        start = device.now()
        await device.observe(device.entry(80.0, 37.0, at=start - 8))
        for age_s in range(7, 2, -1):
            seq = await device.observe(device.entry(0.0, 99.0, at=start - age_s))
            assert (await device.refusal())[::2] == (seq, "Temp 99 is not within 0 to 50")
        await device.acked(seq)
        assert {
            (each.condition.code, each.condition.metric) for each in server.alarms("bed-1")
        } == {
            ("ASYSTOLE", "HR"),
            ("INVALID_DATA", ""),
            ("INVALID_SIGNAL", "Temp"),
        }


BAD_SAMPLES = {
    "unknown index": ({"index": 1}, "index", "1 is not one of the 1 sample arrays"),
    "half a sample": ({"samples": b"\x01\x00\x01"}, "samples", "3 bytes are not whole int16"),
    "no sample": ({"samples": b""}, "samples", "0 bytes are not whole int16 samples"),
    "1970": ({"start_at": 0.0}, "start_at", "days ago by the device's own clock"),
    "the future": ({"start_at": 4e9}, "start_at", "in the future by the device's own clock"),
    "no time": ({"start_at": nan}, "start_at", "not a time"),
}


@pytest.mark.spec("WIRE-10")
@pytest.mark.parametrize("case", BAD_SAMPLES)
async def test_samples_that_cannot_be_are_refused_by_name_and_values_and_other_samples_count(
    server: LoopbackServer, device: Device, neighbour: Device, case: str
) -> None:
    wrong, field, reason = BAD_SAMPLES[case]
    arrays = [samples(device, **wrong), samples(device)]
    seq = await device.observe(device.entry(sample_arrays=arrays))
    refused_seq, refused_field, refused_reason = await device.refusal()
    assert (refused_seq, refused_field) == (
        seq,
        f"observations.entries[0].sample_arrays[0].{field}",
    )
    assert reason in refused_reason
    await device.acked(seq)
    assert [row.seq for own, row in server.rows if own == "bed-1"] == [seq]
    assert [row.samples for _, row in server.waveforms] == [b"\x01\x00" * 4]
    await device.lives()


@pytest.mark.spec("WIRE-10")
async def test_one_monitors_bad_entry_leaves_the_other_monitors_of_its_gateway_alone(
    server: LoopbackServer,
) -> None:
    async with server.gateway("ward-3") as gateway:
        await gateway.begin(monitor("ward-3/a"), monitor("ward-3/b"), monitor("ward-3/c"))
        seq = await gateway.observe(
            gateway.entry(mds=0), gateway.entry(97.0, mds=1), gateway.entry(mds=2)
        )
        assert await gateway.refusal() == (
            seq,
            "observations.entries[1].values",
            "1 values for 2 described numerics",
        )
        assert await gateway.acked(seq) == seq
        assert [own for own, _ in server.rows] == ["ward-3/a", "ward-3/c"]


@pytest.mark.spec("WIRE-11")
async def test_no_more_refusals_are_told_of_one_frame_than_a_person_reads(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    seq = await device.observe(*[device.entry(inf, 97.0)] * 4000, device.entry())
    told = [await device.refusal() for _ in range(17)]
    assert [field for _, field, _ in told[:16]] == [
        f"observations.entries[{place}].values[0]" for place in range(16)
    ]
    assert told[16] == (seq, "observations.entries", "3984 more parts of this frame were refused")
    await device.acked(seq)
    await device.lives()
    assert len([row for own, row in server.rows if own == "bed-1"]) == 4002


@pytest.mark.spec("WIRE-11")
async def test_a_frame_of_too_many_entries_is_refused_whole(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    seq = await device.observe(*[telemetry_pb2.MdsObservation()] * 4097)
    assert await device.refusal() == (seq, "observations", "4097 entries; at most 4096")
    await device.lives()
    assert [row.seq for own, row in server.rows if own == "bed-1"] == [seq + 1]


# -- whole frames -------------------------------------------------------------------------


@pytest.mark.spec("WIRE-12")
async def test_a_frame_of_300_kilobytes_is_refused_and_the_stream_lives(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    big = samples(device, samples=b"\x01\x00" * 150_000)
    seq = await device.observe(device.entry(sample_arrays=[big]))
    refused_seq, field, reason = await device.refusal()
    assert (refused_seq, field) == (0, "frame")
    assert re.fullmatch(r"3000\d\d bytes; at most 262144", reason)
    await device.lives()
    assert [(gap.from_seq, gap.to_seq) for gap in server.gaps] == [(seq, seq)]
    assert server.waveforms == []


@pytest.mark.spec("WIRE-12")
async def test_the_largest_frame_is_taken(server: LoopbackServer, device: Device) -> None:
    def frame(count: int) -> bytes:
        big = samples(device, samples=b"\x01\x00" * count)
        entry = device.entry(sample_arrays=[big])
        return telemetry_pb2.StreamTelemetryRequest(
            observations=telemetry_pb2.Observations(seq=1, entries=[entry])
        ).SerializeToString()

    count = 131_072 - (len(frame(131_072)) - FRAME_BYTES_MAX + 1) // 2
    assert FRAME_BYTES_MAX - 1 <= len(frame(count)) <= FRAME_BYTES_MAX
    await device.send_bytes(frame(count))
    assert await device.acked(1) == 1
    assert len(server.waveforms) == 1


@pytest.mark.spec("WIRE-12")
async def test_a_frame_beyond_a_mebibyte_is_cut_off_by_the_transport(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    await device.send_bytes(b"\x00" * (4 * FRAME_BYTES_MAX + 1))
    code, _ = await device.status()
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    await server.until(lambda: server.alarms("bed-1") != [])
    (alarm,) = server.alarms("bed-1")
    assert alarm.condition.code == "CONNECTION_LOST"


@pytest.mark.spec("WIRE-13")
async def test_two_frames_of_garbage_are_refused_and_the_third_cuts_the_stream(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    for garbage in (b"\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"):
        await device.send_bytes(garbage)
        assert await device.refusal() == (0, "frame", "not a StreamTelemetryRequest")
        await device.lives()
    await device.send_bytes(b"\x0a\xff")
    code, details = await device.status()
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert details == "3 frames that are not StreamTelemetryRequest"
    await server.until(lambda: server.alarms("bed-1") != [])
    assert [row.seq for own, row in server.rows if own == "bed-1"] == [1, 2]


@pytest.mark.spec("WIRE-13")
async def test_nothing_is_taken_after_the_cut(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    for _ in range(3):
        await device.send_bytes(b"\xff")
    # Whichever is first: the write that fails, or the end that was seen before it.
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        while True:
            await device.observe()
    await server.until(lambda: server.alarms("bed-1") != [])
    assert [row for own, row in server.rows if own == "bed-1"] == []


@pytest.mark.spec("WIRE-14")
@pytest.mark.parametrize("data", [b"", b"\xfa\x01\x00"], ids=["empty", "of another kind"])
async def test_a_frame_that_says_nothing_known_is_refused(
    device: Device, neighbour: Device, data: bytes
) -> None:
    await device.send_bytes(data)
    assert await device.refusal() == (
        0,
        "frame",
        "empty, or of a kind that this server does not know",
    )
    await device.lives()


# -- order --------------------------------------------------------------------------------


@pytest.mark.spec("WIRE-15")
async def test_observations_before_describe_are_refused_and_can_be_sent_again_after_it(
    server: LoopbackServer, neighbour: Device
) -> None:
    async with server.device("bed-1") as device:
        await device.hello()
        await device.observe(seq=1)
        assert await device.refusal() == (1, "observations", "send describe first")
        await device.describe()
        await device.take("settings")
        await device.observe(seq=1)
        assert await device.acked(1) == 1
        assert [row.seq for own, row in server.rows if own == "bed-1"] == [1]


@pytest.mark.spec("WIRE-15")
@pytest.mark.parametrize(
    ("frame", "seq", "field"),
    [
        ({"observations": {"seq": 1}}, 1, "observations"),
        ({"describe": {"mds": [{"id": "bed-1"}]}}, 0, "describe"),
        (
            {"device_alarm": {"seq": 1, "condition": "X", "kind": 1, "priority": 1}},
            1,
            "device_alarm",
        ),
        ({"heartbeat": {"device_clock": 1.0}}, 0, "heartbeat"),
        ({"goodbye": {"reason": 1}}, 0, "goodbye"),
    ],
)
async def test_nothing_is_taken_before_hello(
    server: LoopbackServer, neighbour: Device, frame: Any, seq: int, field: str
) -> None:
    async with server.device("bed-1") as device:
        await device.send(**frame)
        assert await device.refusal() == (seq, field, "send hello first")
        await device.begin()
        await device.lives()


@pytest.mark.spec("WIRE-15")
async def test_a_second_hello_is_refused(device: Device, neighbour: Device) -> None:
    await device.send(hello=device.hello_frame())
    assert await device.refusal() == (0, "hello", "the session is open already")
    await device.lives()


@pytest.mark.spec("WIRE-16")
@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"protocol_version": 0}, "protocol_version", "version 0; this server speaks 1"),
        ({"protocol_version": 2}, "protocol_version", "version 2; this server speaks 1"),
        ({"software": 129 * "x"}, "software", "must be at most 128 characters"),
        ({"clock_rate": 60.0}, "clock_rate", "a clock of rate 60; this server's runs at 1"),
        ({"clock_rate": nan}, "clock_rate", "a clock of rate nan"),
        ({"device_clock": nan}, "device_clock", "not a time"),
        ({"device_clock": inf}, "device_clock", "not a time"),
    ],
)
async def test_a_hello_that_cannot_be_is_refused_and_a_better_one_is_welcome(
    server: LoopbackServer, neighbour: Device, fields: Any, field: str, reason: str
) -> None:
    async with server.device("bed-1") as device:
        await device.send(hello=device.hello_frame(**fields))
        _, refused_field, refused_reason = await device.refusal()
        assert refused_field == f"hello.{field}"
        assert reason in refused_reason
        await device.begin()
        await device.lives()


@pytest.mark.spec("WIRE-16")
async def test_a_hello_that_is_refused_supersedes_nobody(
    server: LoopbackServer, device: Device
) -> None:
    async with server.device("bed-1") as other:
        await other.send(hello=other.hello_frame(device_clock=nan))
        await other.refusal()
        await device.lives()


# -- what is described --------------------------------------------------------------------

BAD_MONITORS = {
    "somebody else's": (monitor("bed-2"), "id", "'bed-2' is not device/bed-1's to speak for"),
    "without an id": (monitor(""), "id", "must be 1 to 127 characters"),
    "with a long id": (monitor(128 * "x"), "id", "must be 1 to 127 characters"),
    "with a long manufacturer": (
        monitor("bed-1", manufacturer=129 * "x"),
        "manufacturer",
        "must be at most 128 printable characters",
    ),
    "with a model of control characters": (
        monitor("bed-1", model="\x1b[2J"),
        "model",
        "must be at most 128 printable characters",
    ),
    "with too many numerics": (
        monitor("bed-1", numerics=[numeric("HR")] * 65),
        "numerics",
        "65 numerics; at most 64",
    ),
    "with too many waveforms": (
        monitor("bed-1", sample_arrays=[ecg()] * 33),
        "sample_arrays",
        "33 sample arrays; at most 32",
    ),
    "in the wrong unit": (
        monitor("bed-1", numerics=[numeric("HR"), numeric("Temp", unit=266016)]),
        "numerics[1].unit",
        "Temp in 266016; expected 268192 (Cel)",
    ),
    "without a unit": (
        monitor("bed-1", numerics=[numeric("RR", unit=0)]),
        "numerics[0].unit",
        "RR in 0; expected 264928 (/min) or 264864 (/min)",
    ),
    "without a period": (
        monitor("bed-1", numerics=[numeric("HR", period_s=0)]),
        "numerics[0].period_s",
        "0 s is not within 0.05 to 86400 s",
    ),
    "with no number for a period": (
        monitor("bed-1", numerics=[numeric("HR", period_s=nan)]),
        "numerics[0].period_s",
        "nan s is not within",
    ),
    "with a long label": (
        monitor("bed-1", numerics=[numeric("HR", code=1, label=17 * "x")]),
        "numerics[0].label",
        "must be at most 16 printable characters",
    ),
    "with a label that is not text": (
        monitor("bed-1", sample_arrays=[ecg(label="a\nb")]),
        "sample_arrays[0].label",
        "must be at most 16 printable characters",
    ),
    "with a waveform too fast": (
        monitor("bed-1", sample_arrays=[ecg(), ecg(sample_rate_hz=4001)]),
        "sample_arrays[1].sample_rate_hz",
        "4001 Hz is not within 0.1 to 4000 Hz",
    ),
    "with a waveform at no rate": (
        monitor("bed-1", sample_arrays=[ecg(sample_rate_hz=nan)]),
        "sample_arrays[0].sample_rate_hz",
        "nan Hz",
    ),
    "with a scale of 0": (
        monitor("bed-1", sample_arrays=[ecg(scale=0)]),
        "sample_arrays[0].scale",
        "0 cannot scale a sample",
    ),
    "with an infinite scale": (
        monitor("bed-1", sample_arrays=[ecg(scale=inf)]),
        "sample_arrays[0].scale",
        "inf cannot scale a sample",
    ),
    "with no number for an offset": (
        monitor("bed-1", sample_arrays=[ecg(offset=nan)]),
        "sample_arrays[0].offset",
        "nan is not a number",
    ),
}


@pytest.mark.spec("WIRE-17")
@pytest.mark.parametrize("case", BAD_MONITORS)
async def test_a_description_that_cannot_be_is_refused_by_name_and_a_better_one_is_taken(
    server: LoopbackServer, neighbour: Device, case: str
) -> None:
    bad, field, reason = BAD_MONITORS[case]
    async with server.device("bed-1") as device:
        await device.hello()
        await device.describe(bad)
        seq, refused_field, refused_reason = await device.refusal()
        assert (seq, refused_field) == (0, f"describe.mds[0].{field}")
        assert reason in refused_reason
        await device.describe()
        await device.take("settings")
        await device.lives()
        assert server.monitoring.ward.bedsides.keys() == {"bed-1", "bed-2"}


@pytest.mark.spec("WIRE-17")
async def test_a_bad_description_leaves_the_earlier_one_in_force(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    await device.describe(monitor("bed-1", numerics=[numeric("HR", unit=1)]))
    await device.refusal()
    await device.lives()
    assert [each.name for each in server.bedside("bed-1").description.numerics] == ["HR", "SpO2"]


@pytest.mark.spec("WIRE-17")
@pytest.mark.parametrize(
    ("mds", "field", "reason"),
    [
        ([], "describe.mds", "describe at least one monitor"),
        (
            [monitor("ward-3/a"), monitor("ward-3/a")],
            "describe.mds[1].id",
            "'ward-3/a' is described twice",
        ),
        (
            [monitor("ward-3/a"), monitor("ward-4/a")],
            "describe.mds[1].id",
            "'ward-4/a' is not gateway/ward-3's to speak for",
        ),
        ([monitor("ward-3")], "describe.mds[0].id", "is not gateway/ward-3's to speak for"),
        ([monitor("bed-1")], "describe.mds[0].id", "is not gateway/ward-3's to speak for"),
        ([monitor("ward-3/")], "describe.mds[0].id", "is not gateway/ward-3's to speak for"),
        ([monitor("ward-3/a/b")], "describe.mds[0].id", "is not gateway/ward-3's to speak for"),
        ([monitor("ward-3/a")] * 257, "describe.mds", "257 monitors; at most 256"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_gateway_speaks_for_the_monitors_under_its_own_name_and_for_no_other(
    server: LoopbackServer,
    neighbour: Device,
    mds: list[telemetry_pb2.MedicalDeviceSystem],
    field: str,
    reason: str,
) -> None:
    async with server.gateway("ward-3") as gateway:
        await gateway.hello()
        await gateway.send(describe=telemetry_pb2.Describe(mds=mds))
        seq, refused_field, refused_reason = await gateway.refusal()
        assert (seq, refused_field) == (0, field)
        assert reason in refused_reason
        await gateway.describe(monitor("ward-3/a"))
        await gateway.take("settings")
        await gateway.lives()
        assert server.monitoring.ward.bedsides.keys() == {"ward-3/a", "bed-2"}


@pytest.mark.spec("WIRE-18")
async def test_a_code_that_nobody_knows_is_shown_under_its_label_and_has_no_limits(
    server: LoopbackServer,
) -> None:
    vendor = [
        numeric("HR", code=900_001, unit=5, label="Sway"),
        numeric("HR", code=900_002, unit=5),
        numeric("HR", code=900_003, label="hr"),
        numeric("HR", code=900_004, label="Pulse"),
        numeric("Temp"),
        numeric("Temp", instance=1),
        numeric("HR"),
    ]
    async with server.device("bed-1") as device:
        await device.begin(monitor("bed-1", numerics=vendor))
        description = server.bedside("bed-1").description
        assert [each.name for each in description.numerics] == [
            "Sway",
            "MDC 900002",
            "MDC 900003",
            "MDC 900004",
            "Temp",
            "Temp 2",
            "HR",
        ]
        seq = await device.observe(device.entry(1e9, -5.0, 0.0, 0.0, 37.0, 37.0, 80.0))
        await device.acked(seq)
        assert server.alarms("bed-1") == []


# -- other frames -------------------------------------------------------------------------

BAD_DEVICE_ALARMS = {
    "of no kind": ({"kind": 0}, "kind", "physiological or technical"),
    "of an unknown kind": ({"kind": 7}, "kind", "physiological or technical"),
    "without a priority": ({"priority": 0}, "priority", "low, medium or high"),
    "without a condition": ({"condition": ""}, "condition", "1 to 48 of A-Z, 0-9 and _"),
    "in small letters": ({"condition": "asystole"}, "condition", "1 to 48 of A-Z, 0-9 and _"),
    "with a long condition": ({"condition": 49 * "X"}, "condition", "1 to 48 of"),
    "with a long text": ({"text": 129 * "x"}, "text", "at most 128 printable characters"),
    "with a text that is none": ({"text": "\x00"}, "text", "at most 128 printable characters"),
    "at an unknown monitor": ({"mds": 2}, "mds", "2 is not one of the 1 described monitors"),
    "from 1970": ({"observed_at": 1.0}, "observed_at", "days ago by the device's own clock"),
    "from no time": ({"observed_at": nan}, "observed_at", "not a time"),
}


@pytest.mark.spec("WIRE-19")
@pytest.mark.parametrize("case", BAD_DEVICE_ALARMS)
async def test_a_device_alarm_that_cannot_be_is_refused_by_name_and_its_number_is_used(
    server: LoopbackServer, device: Device, neighbour: Device, case: str
) -> None:
    wrong, field, reason = BAD_DEVICE_ALARMS[case]
    standard = {
        "seq": 1,
        "condition": "ASYSTOLE",
        "kind": 1,
        "priority": 3,
        "present": True,
        "observed_at": device.now(),
    }
    await device.send(device_alarm=telemetry_pb2.DeviceAlarm(**(standard | wrong)))
    seq, refused_field, refused_reason = await device.refusal()
    assert (seq, refused_field) == (1, f"device_alarm.{field}")
    assert reason in refused_reason
    device.seq = 1
    await device.lives()
    assert server.gaps == []
    assert server.alarms("bed-1") == []


@pytest.mark.spec("WIRE-20")
@pytest.mark.parametrize("clock", [nan, inf, -inf])
async def test_a_heartbeat_at_no_time_is_refused(
    server: LoopbackServer, device: Device, neighbour: Device, clock: float
) -> None:
    await device.send(heartbeat=telemetry_pb2.Heartbeat(device_clock=clock))
    assert await device.refusal() == (0, "heartbeat.device_clock", "not a time")
    await device.lives()
    assert server.alarms("bed-1") == []


@pytest.mark.spec("WIRE-20")
async def test_a_goodbye_without_a_reason_is_none(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    await device.send(goodbye=telemetry_pb2.Goodbye())
    assert await device.refusal() == (
        0,
        "goodbye.reason",
        "say why: standby, discharge or shutdown",
    )
    await device.lives()
    await device.half_close()
    assert await device.status() == (grpc.StatusCode.OK, "")
    assert [alarm.condition.code for alarm in server.alarms("bed-1")] == ["CONNECTION_LOST"]
