"""A device whose program was built with the contract as it was last released."""

import asyncio
import time
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from rpm_service.adapters.pki.credentials import ensure_client
from rpm_service.application.identity import Role
from tests.support.process import ROOT

CONTRACT = ROOT / "protos" / "released.binpb"
STREAM = "/rpm_service.v1.TelemetryService/StreamTelemetry"
AGAIN_S = 0.2


def message_of(name: str) -> Any:
    """The class of a message of the released contract."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(CONTRACT.read_bytes()).file:
        pool.Add(file)
    found = pool.FindMessageTypeByName(f"rpm_service.v1.{name}")
    return message_factory.GetMessageClass(found)


class ReleasedDevice:
    """Streams a heart rate, keeps what was not acknowledged, and comes back when it is cut."""

    def __init__(self, target: str, certs: Path, device_id: str) -> None:
        own = ensure_client(certs, Role.DEVICE, device_id)
        self._target, self._id = target, device_id
        self._credentials = grpc.ssl_channel_credentials(own.trust_pem, own.key_pem, own.chain_pem)
        self._request = message_of("StreamTelemetryRequest")
        self._response = message_of("StreamTelemetryResponse")
        self._kept: dict[int, Any] = {}
        self.seq = self.acked = 0
        self._news = asyncio.Event()

    async def acknowledged(self, through: int) -> None:
        """Waits until everything up to a number is on the server's disk."""
        while self.acked < through:
            self._news.clear()
            await self._news.wait()

    def observe(self, heart_rate: float) -> None:
        self.seq += 1
        entry = {"mds": 0, "observed_at": time.time(), "values": [heart_rate]}
        self._kept[self.seq] = self._request(observations={"seq": self.seq, "entries": [entry]})

    async def run(self) -> None:
        """Connects for as long as it lasts."""
        while True:
            options = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))
            async with grpc.aio.secure_channel(self._target, self._credentials, options) as channel:
                call = channel.stream_stream(
                    STREAM, self._request.SerializeToString, self._response.FromString
                )()
                try:
                    await self._converse(call)
                except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                    # The latter is a write after the end of the call has been seen.
                    await asyncio.sleep(AGAIN_S)

    async def _converse(self, call: Any) -> None:
        hello = {"protocol_version": 1, "device_clock": time.time(), "spool_last_seq": self.seq}
        await call.write(self._request(hello=hello))
        sent = (await call.read()).welcome.resume_from_seq - 1
        self._acknowledged(sent)
        numeric = {"code": 147842, "unit": 264864, "period_s": 1}
        mds = {"id": self._id, "numerics": [numeric]}
        await call.write(self._request(describe={"mds": [mds]}))
        reader = asyncio.create_task(self._read(call))
        try:
            while not reader.done():
                while sent < self.seq:
                    sent += 1
                    await call.write(self._kept[sent])
                await asyncio.sleep(0.02)
            await reader
        finally:
            reader.cancel()

    async def _read(self, call: Any) -> None:
        while (response := await call.read()) is not grpc.aio.EOF:
            if response.HasField("ack"):
                self._acknowledged(response.ack.durable_through_seq)
            assert not response.HasField("refusal"), response.refusal

    def _acknowledged(self, through: int) -> None:
        self.acked = max(self.acked, through)
        self._news.set()
        for seq in [seq for seq in self._kept if seq <= through]:
            del self._kept[seq]
