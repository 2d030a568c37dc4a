"""Devices for the benchmarks, in a process of their own: frames at a fixed rate, no SDK."""

import asyncio
import json
import sys
import time
from pathlib import Path

import grpc

from rpm_service.adapters.pki.credentials import ensure_client
from rpm_service.application.identity import Role
from rpm_service.v1 import telemetry_pb2 as t
from rpm_service.v1 import telemetry_pb2_grpc

VITALS = (  # MDC code, unit, value
    (147842, 264864, 72.0), (149530, 264864, 72.0), (150456, 262688, 97.0), (151562, 264928, 16.0),
    (150037, 266016, 118.0), (150038, 266016, 74.0), (150039, 266016, 89.0), (150344, 268192, 36.8),
)  # fmt: skip
FLOOD, FLOOD_FPS = "flood", 50
OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))


class Device:
    ack_frames = 1
    """The server acknowledges each so many frames; what is left over is never."""

    def __init__(self, target: str, certs: Path, name: str, beds: int = 0, fps: float = 1) -> None:
        role = Role.GATEWAY if beds else Role.DEVICE
        credentials = ensure_client(certs, role, name)
        self.channel = grpc.aio.secure_channel(
            target,
            grpc.ssl_channel_credentials(
                credentials.trust_pem, credentials.key_pem, credentials.chain_pem
            ),
            OPTIONS,
        )
        self.period_s = min(1.0, max(1 / fps, 0.05))
        self.monitors = [f"{name}/bed-{bed:02}" for bed in range(beds)] or [name]
        self.seq = self.acked = 0
        self.call = None
        self.zeros = []
        """When frames with heart rate 0 were written."""

    async def open(self) -> None:
        self.call = telemetry_pb2_grpc.TelemetryServiceStub(self.channel).StreamTelemetry()
        hello = t.Hello(protocol_version=1, software="bench", device_clock=time.time())
        await self.call.write(t.StreamTelemetryRequest(hello=hello))
        self.seq = (await self.call.read()).welcome.resume_from_seq - 1
        numerics = [t.NumericMetric(code=c, unit=u, period_s=self.period_s) for c, u, _ in VITALS]
        mds = [t.MedicalDeviceSystem(id=name, numerics=numerics) for name in self.monitors]
        await self.call.write(t.StreamTelemetryRequest(describe=t.Describe(mds=mds)))
        self.reader = asyncio.create_task(self._read())
        # The first values of a bed are judged in full, and are not what is measured.
        await self.send([value for _, _, value in VITALS])

    async def _read(self) -> None:
        while (response := await self.call.read()) is not grpc.aio.EOF:
            if response.HasField("ack"):
                self.acked = response.ack.durable_through_seq
            assert not response.HasField("refusal"), response.refusal

    async def send(self, values: list[float]) -> None:
        self.seq += 1
        now = time.time()
        if values[0] == 0:
            self.zeros.append(now)
        entries = [
            t.MdsObservation(mds=mds, observed_at=now, values=values)
            for mds in range(len(self.monitors))
        ]
        observations = t.Observations(seq=self.seq, entries=entries)
        await self.call.write(t.StreamTelemetryRequest(observations=observations))

    async def close(self) -> None:
        async with asyncio.timeout(10):
            while self.acked < self.seq - self.seq % self.ack_frames:
                await asyncio.sleep(0.01)
        await self.call.write(t.StreamTelemetryRequest(goodbye=t.Goodbye(reason=3)))
        await self.call.done_writing()
        await asyncio.wait_for(self.reader, 10)
        await self.channel.close()


async def stream(device: Device, want: dict, begin: float, number: int) -> None:
    """Streams at a fixed rate; every so many frames the heart stands still for one of them."""
    fps, zero_every = want["fps"], want["zero_every"]
    values = [value for _, _, value in VITALS]
    for frame in range(int(want["seconds"] * fps)):
        due = begin + frame / fps
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        stands_still = zero_every and frame % zero_every == 1 + number % (zero_every - 1)
        values[0] = 0 if stands_still else 70 + frame % 7
        await device.send(values)


async def flood(device: Device, want: dict, begin: float) -> None:
    """The heart stands still and beats again, fifty changes a second; on and off in turn."""
    values, length = [value for _, _, value in VITALS], want["flood"]
    for frame in range(int(want["seconds"] * FLOOD_FPS)):
        if (wait := begin + frame / FLOOD_FPS - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        if frame // (length * FLOOD_FPS) % 2 == 0:
            values[0] = 72 if frame % 2 else 0
            await device.send(values)


async def main() -> None:
    """Runs as told on the command line; says `ready`, waits for `go`, reports when done."""
    want = json.loads(sys.argv[1])
    devices = [
        Device(
            want["target"],
            Path(want["certs"]),
            f"{want['name']}-{number:03}",
            want["beds"],
            want["fps"],
        )
        for number in range(want["streams"])
    ]
    flooding = []
    if want.get("flood"):
        flooding = [Device(want["target"], Path(want["certs"]), FLOOD, fps=FLOOD_FPS)]
    for device in (*devices, *flooding):
        device.ack_frames = want["ack_frames"]
        await device.open()
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    begin = time.monotonic()
    await asyncio.gather(
        *(
            stream(device, want, begin + number / len(devices) / want["fps"], number)
            for number, device in enumerate(devices)
        ),
        *(flood(device, want, begin) for device in flooding),
    )
    print("sent", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    for device in (*devices, *flooding):
        await device.close()
    sent = sum(device.seq - 1 for device in devices)
    acked = sum(device.acked - 1 for device in devices)
    zeros = {device.monitors[0]: device.zeros for device in (*devices, *flooding)}
    print(json.dumps({"sent": sent, "acked": acked, "zeros": zeros}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
