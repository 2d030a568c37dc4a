"""What a page costs the server: beds with two waveforms each, shown by some pages.

The pages are WebSockets that hear all that the page hears; the baseline is the same ward to as
many gRPC viewers. Of both is taken away what the server spends on the beds while nobody looks.
"""

import asyncio
import json
import math
import signal
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.request import HTTPSHandler, build_opener

import websockets

from rpm_service.adapters.web.sign_in import issue_link
from rpm_service.sdk import int16_bytes
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import telemetry_pb2 as t
from tests.benchmarks.load import VITALS, Device
from tests.support.process import Process, free_port, process, rpm_service

GATEWAYS: Final = 4
WAVES: Final = ((131330, 266418), (150452, 262656))
"""ECG lead II in millivolt and the pleth, which has no unit: MDC codes."""
RATE_HZ: Final = 250
CHUNK_S: Final = 0.25


class Gateway(Device):
    """Some beds: eight numerics a second and two waveforms, four pieces a second."""

    async def describe(self) -> None:
        """Says what is measured, and begins."""
        await self.open()
        numerics = [t.NumericMetric(code=c, unit=u, period_s=1) for c, u, _ in VITALS]
        arrays = [
            t.SampleArrayMetric(code=c, unit=u, sample_rate_hz=RATE_HZ, scale=0.001)
            for c, u in WAVES
        ]
        mds = [
            t.MedicalDeviceSystem(id=name, numerics=numerics, sample_arrays=arrays)
            for name in self.monitors
        ]
        await self.call.write(t.StreamTelemetryRequest(describe=t.Describe(mds=mds)))

    async def stream(self) -> None:
        """Streams until it is cancelled."""
        count = int(RATE_HZ * CHUNK_S)
        wave = int16_bytes(int(900 * math.sin(math.tau * at / count)) for at in range(count))
        begin, number = time.monotonic(), 0
        while True:
            await asyncio.sleep(max(0.0, begin + number * CHUNK_S - time.monotonic()))
            now, is_full = time.time(), number % 4 == 0
            arrays = [
                t.SampleArray(index=index, start_at=now - CHUNK_S, samples=wave)
                for index in range(len(WAVES))
            ]
            entries = [
                t.MdsObservation(
                    mds=mds,
                    observed_at=now,
                    values=[value for _, _, value in VITALS] if is_full else [],
                    sample_arrays=arrays,
                )
                for mds in range(len(self.monitors))
            ]
            self.seq += 1
            observations = t.Observations(seq=self.seq, entries=entries)
            await self.call.write(t.StreamTelemetryRequest(observations=observations))
            number += 1


async def stream(target: str, certs: Path, beds: int) -> None:
    gateways = [
        Gateway(target, certs, f"pages-{number}", beds // GATEWAYS) for number in range(GATEWAYS)
    ]
    for gateway in gateways:
        await gateway.describe()
    print("ready", flush=True)
    await _until_told([gateway.stream() for gateway in gateways])


async def watch(links: list[str]) -> None:
    """Watches as the page does, and reports how much was heard."""
    heard = [0, 0]
    tls = ssl.create_default_context()
    # Its certificate is of this run, made beside the server.
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE

    async def page(link: str, begun: asyncio.Semaphore) -> None:
        page = "/".join(link.split("/")[:3])
        answer = await asyncio.to_thread(build_opener(HTTPSHandler(context=tls)).open, link)
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        headers = {"Cookie": cookie, "Origin": page}
        url = page.replace("https", "wss") + "/v1/watch"
        async with websockets.connect(url, ssl=tls, additional_headers=headers) as socket:
            for frame in (
                m.WatchRequest(subscribe=m.Subscribe(waveforms=True)),
                m.WatchRequest(presence=m.ViewerPresence(audio_armed=True, visible=True)),
            ):
                await socket.send(frame.SerializeToString())
            alive_at = time.monotonic()
            while True:
                frame = await socket.recv()
                if not heard[0]:
                    begun.release()
                heard[0] += 1
                heard[1] += len(frame)
                if time.monotonic() - alive_at >= 5:
                    alive_at = time.monotonic()
                    alive = m.WatchRequest(heartbeat=m.ViewerHeartbeat())
                    await socket.send(alive.SerializeToString())

    begun = asyncio.Semaphore(0)
    pages = [page(link, begun) for link in links]
    ready = asyncio.create_task(begun.acquire())
    ready.add_done_callback(lambda _: print("ready", flush=True))
    await _until_told(pages)
    print(json.dumps({"frames": heard[0], "bytes": heard[1]}), flush=True)


async def _until_told(works: list) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    told = asyncio.create_task(stop.wait())
    tasks = [asyncio.create_task(work) for work in works]
    done, _ = await asyncio.wait({told, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    for task in done - {told}:
        task.result()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def _running(*arguments: object) -> Iterator[Process]:
    with process("-m", "tests.benchmarks.pages", *map(str, arguments)) as running:
        running.wait_for("ready")
        yield running


def measure(
    certs: Path, data: Path, seconds: float, *, beds: int, count: int, settle_s: float
) -> tuple[float, float, float]:
    """Server CPU for one viewer, in ms a second: a page, and a gRPC viewer; and frames a second
    to one page. There are `count` of either."""
    target, web = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    serve = ("--data", data, "--certs", certs, "--listen", target, "--web", web)
    with rpm_service("serve", *serve) as server:
        server.wait_for("sign in")
        with _running("stream", target, certs, beds):
            time.sleep(settle_s)
            alone = _cpu_rate(server, seconds)
            links = [
                issue_link(data, f"page-{number}", f"https://{web}", now=time.time())
                for number in range(count)
            ]
            with _running("watch", json.dumps(links)) as pages:
                time.sleep(settle_s)
                watched = _cpu_rate(server, seconds)
                pages.end()
                frames = pages.report()["frames"] / count / (seconds + settle_s)
            time.sleep(settle_s)
            grpc_viewers = ("-m", "tests.benchmarks.viewers", target, str(certs))
            with process(*grpc_viewers, "viewer", str(count), "waveforms") as viewers:
                viewers.wait_for("ready")
                time.sleep(settle_s)
                by_grpc = _cpu_rate(server, seconds)
    return 1000 * (watched - alone) / count, 1000 * (by_grpc - alone) / count, frames


def _cpu_rate(server: Process, seconds: float) -> float:
    """CPU seconds that the server spends in a second."""
    before, began = server.cpu_s(), time.monotonic()
    time.sleep(seconds)
    return (server.cpu_s() - before) / (time.monotonic() - began)


if __name__ == "__main__":
    if sys.argv[1] == "stream":
        asyncio.run(stream(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))
    else:
        asyncio.run(watch(json.loads(sys.argv[2])))
