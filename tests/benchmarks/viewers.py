"""Viewers for the benchmarks, in a process of their own.

They do what the page does with all that they get: parse it, and confirm every alarm event.
"""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

import grpc

from rpm_service.adapters.pki.credentials import ensure_client
from rpm_service.application.identity import Role
from rpm_service.v1 import alarm_pb2, monitoring_pb2_grpc
from rpm_service.v1 import monitoring_pb2 as m
from tests.benchmarks.load import OPTIONS


class Viewer:
    def __init__(self, target: str, certs: Path, name: str, *, waveforms: bool = False) -> None:
        self._waveforms = waveforms
        credentials = ensure_client(certs, Role.USER, name)
        channel_credentials = grpc.ssl_channel_credentials(
            credentials.trust_pem, credentials.key_pem, credentials.chain_pem
        )
        self._channel = grpc.aio.secure_channel(target, channel_credentials, OPTIONS)
        self.frames = 0
        self.alarms = []
        """When the start of an alarm of zero heart rate came, and from which bed."""

    async def watch(self, seen: asyncio.Semaphore) -> None:
        call = monitoring_pb2_grpc.MonitoringServiceStub(self._channel).Watch()
        await call.write(m.WatchRequest(subscribe=m.Subscribe(waveforms=self._waveforms)))
        armed = m.ViewerPresence(audio_armed=True, visible=True)
        await call.write(m.WatchRequest(presence=armed))
        while (response := await call.read()) is not grpc.aio.EOF:
            now = time.time()
            if not self.frames:
                seen.release()
            self.frames += 1
            for alarm in response.delta.alarms:
                if alarm.phase == alarm_pb2.ALARM_PHASE_START and alarm.condition == "ASYSTOLE":
                    self.alarms.append((alarm.bed, now))
            await self._confirm(call, (*response.snapshot.alarms, *response.delta.alarms))

    @staticmethod
    async def _confirm(call, shown) -> None:
        events = [
            m.AlarmEventId(occurrence_id=each.occurrence_id, event_seq=each.event_seq)
            for each in shown
        ]
        for begin in range(0, len(events), 256):
            some = m.ConfirmDelivery(events=events[begin : begin + 256])
            await call.write(m.WatchRequest(confirm_delivery=some))


async def main() -> None:
    """Says `ready` when every viewer has its first frame; reports at SIGTERM."""
    target, certs, name, count = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    seen = asyncio.Semaphore(0)
    waveforms = sys.argv[5:] == ["waveforms"]
    viewers = [
        Viewer(target, certs, f"{name}-{number}", waveforms=waveforms) for number in range(count)
    ]
    tasks = [asyncio.create_task(viewer.watch(seen)) for viewer in viewers]
    for _ in viewers:
        await seen.acquire()
    print("ready", flush=True)
    await stop.wait()
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    frames = sum(viewer.frames for viewer in viewers)
    alarms = [viewer.alarms for viewer in viewers]
    print(json.dumps({"frames": frames, "alarms": alarms}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
