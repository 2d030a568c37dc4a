"""Peers that do harm, and a server that cannot keep up: what everybody else notices of it."""

import asyncio
import json
import signal
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

import grpc
import grpc.aio

from rpm_service.adapters import pki
from rpm_service.application.identity import Role
from rpm_service.commands.errors import ExitCode
from tests.chaos import crowd
from tests.chaos.blocking_server import MOMENT_S
from tests.chaos.measures import descriptors, latencies, percentile, rss_mib, victim
from tests.chaos.processes import Child
from tests.chaos.proofs import Figure, proof
from tests.chaos.ward import Ward
from tests.support.http2_attacker import PATH, Attacker, connected
from tests.support.process import free_port

STORM, SILENT, SLOW = 1000, 2000, 500
HANDSHAKE_S: Final = 5.0
ATTACK_S: Final = 3.0
ATTACKS: Final = ("rapid_reset", "ping_flood", "settings_flood", "continuation_flood")
LARGE: Final = ("oversize", "bomb", "metadata")
MIB: Final = 2**20
FLOOD_FPS, DECLARED_FPS, TIMES = 1000.0, 1.0, 10.0
FLOOD_S, WINDOW_S = 25.0, 15.0
ALARM_S_MAX: Final = 0.5


async def gather(ward: Ward, *, yields: bool = False, **wanted: object) -> Child:
    """Starts a crowd, and waits until it has its certificates.

    One that `yields` leaves the processors to all others, as if it were on other machines.
    """
    whole = asdict(crowd.Wanted(**ward._place("crowd", dict(wanted))))  # type: ignore[arg-type]
    log = ward.directory / f"{whole['name']}.log"
    before = ("nice",) if yields else ()
    child = await Child.start("-m", "tests.chaos.crowd", json.dumps(whole), log=log, before=before)
    ward._children.append(child)
    await child.wait_for("certified", 120)
    return child


async def welcomed(child: Child) -> float:
    """Lets a crowd begin; gives how long it took until each of it was welcomed."""
    child.say("go")
    return float((await child.wait_for("ready", 120)).split()[1])


# -- A1 -----------------------------------------------------------------------------------


@proof("A1")
async def storm(ward: Ward) -> list[Figure]:
    """1,000 devices connect at once, among 2,500 connections that never get through TLS."""
    await ward.server.start()
    pid = ward.server.pid
    served = await ward.devices(count=20, fps=2, falters=True)
    await ward.viewers(count=2)
    good = await gather(ward, count=STORM, yields=True)
    await asyncio.sleep(5)
    began = time.time()
    strangers = asyncio.create_task(_strangers(ward.server.target))
    ready_s = await welcomed(good)
    fds, rss = descriptors(pid), rss_mib(pid)
    await asyncio.sleep(5)
    found = latencies(ward.records(), began, time.time() - 2)
    closed = await strangers
    ward.say(f"{len(found)} alarms meanwhile, {rss:.0f} MiB, {fds} descriptors")
    peers = STORM + len(closed) + 20 + 2
    good.say("end")
    await good.wait()
    await ward.finish(served)
    return [
        Figure("A1", f"{STORM} devices connect while {SILENT + SLOW} strangers do", ready_s, "s", 30),
        Figure("A1", "silent TCP and half a ClientHello: closed after, longest", max(closed), "s", HANDSHAKE_S + 1),
        Figure("A1", f"alarms of served devices, p99 of {len(found)}", percentile(found, 0.99), "s", ALARM_S_MAX),
        Figure("A1", "memory of the server", rss, "MiB", 600),
        Figure("A1", "descriptors beyond one for each connection", max(0, fds - peers), "", 50),
    ]  # fmt: skip


async def _strangers(target: str) -> list[float]:
    """Connects and says nothing, or half of a ClientHello; gives when each was closed."""
    host, _, port = target.rpartition(":")
    out = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    half = out.read()[:100]

    async def stranger(says: bytes) -> float:
        reader, writer = await asyncio.open_connection(host, int(port))
        began = time.monotonic()
        writer.write(says)
        with suppress(OSError):
            while await reader.read(1024):
                pass
        writer.transport.abort()
        return time.monotonic() - began

    async with asyncio.timeout(60):
        return await asyncio.gather(*(stranger(b"") for _ in range(SILENT)),
                                    *(stranger(half) for _ in range(SLOW)))  # fmt: skip


# -- A2 -----------------------------------------------------------------------------------


@proof("A2")
async def http2_floods(ward: Ward) -> list[Figure]:
    """Resets, PING, SETTINGS and CONTINUATION without end, messages and metadata too large."""
    await ward.server.start()
    pid = ward.server.pid
    await ward.devices(count=10, fps=2)
    figures = []
    async with victim(ward) as calls:
        await asyncio.sleep(2)
        quiet, before = percentile(calls(), 0.99), rss_mib(pid)
        ward.say(f"nobody attacks: p99 {quiet * 1000:.1f} ms")
        for attack in ATTACKS:
            told = await _attack(ward, attack)
            figures.append(_served(f"{attack} ({told})", calls()))
        for what in LARGE:
            assert await _too_large(ward, what) is grpc.StatusCode.RESOURCE_EXHAUSTED
        figures.append(_served("oversize, bomb and metadata, each refused", calls()))
        grown = rss_mib(pid) - before
    figures.append(Figure("A2", "memory that the server is left with", max(0.0, grown), "MiB", 50))
    return figures


def _served(what: str, taken: Sequence[float]) -> Figure:
    return Figure("A2", f"{what}: p99 of a good peer", percentile(taken, 0.99) * 1000, "ms", 50)


async def _attack(ward: Ward, attack: str) -> str:
    """Attacks from a process of its own, as from another machine: it yields to all others."""
    child = await Child.start(
        "-m", "tests.chaos.abuse", ward.server.target, str(ward.certs), attack,
        log=ward.directory / "attacker.log", before=("nice",),
    )  # fmt: skip
    told = (await child.wait_for("sent")).removeprefix("sent ")
    await child.wait()
    return told


async def _too_large(ward: Ward, what: str) -> grpc.StatusCode:
    own = pki.ensure_client(ward.certs, Role.DEVICE, "attacker")
    credentials = grpc.ssl_channel_credentials(own.trust_pem, own.key_pem, own.chain_pem)
    async with grpc.aio.secure_channel(ward.server.target, credentials) as channel:
        start = channel.stream_stream(PATH)
        if what == "metadata":
            call = start(metadata=(("x-large", 64 * 1024 * "x"),))
        else:
            call = start(compression=grpc.Compression.Gzip if what == "bomb" else None)
            await call.write(bytes(100 * MIB if what == "bomb" else 16 * MIB))
        return await call.code()


def attack(target: str, certs: Path, name: str) -> None:
    """Carries out one attack, tells how far it came, and stays for as long as all others."""
    host, _, port = target.rpartition(":")
    began = time.monotonic()
    with connected(host, int(port), certs, "attacker") as tls:
        outcome = getattr(Attacker(tls), name)(ATTACK_S)
    after = outcome.cut_after_s
    time.sleep(max(0.0, began + ATTACK_S - time.monotonic()))
    end = "not cut" if after is None else f"cut after {after:.2f} s"
    print(f"sent {outcome.sent} frames, {end}", flush=True)


# -- A3 -----------------------------------------------------------------------------------


@proof("A3")
async def a_device_that_floods(ward: Ward) -> list[Figure]:
    """1,000 frames a second of a device that declared one: read slower, others as ever."""
    await ward.server.start()
    served = await ward.devices(count=20, fps=2, falters=True)
    await ward.viewers(count=2)
    flood = await gather(ward, yields=True, name="flood", count=1, fps=FLOOD_FPS, floods=True)
    began = time.time()
    await welcomed(flood)
    await asyncio.sleep(FLOOD_S)
    until = time.time()
    records = ward.records()
    acked = [(each["t"], each["last"]) for each in records
             if each["what"] == "acked" and each["device"] == "flood-0000"]  # fmt: skip
    (first_at, first), (last_at, last) = (
        next(x for x in acked if x[0] > until - WINDOW_S),
        acked[-1],
    )
    alarmed = [each["t"] - began for each in records
               if each["what"] == "event" and each["alarm"]["condition"] == "TOO_MANY_FRAMES"]  # fmt: skip
    found = latencies(records, began, until - 2)
    flood.say("end")
    await flood.wait()
    await ward.finish(served)
    return [
        Figure("A3", "frames a second that are taken, once the first half minute's worth is",
               (last - first) / (last_at - first_at), "/s", TIMES * DECLARED_FPS * 1.05, least=1),
        Figure("A3", "TOO_MANY_FRAMES at every viewer", max(alarmed, default=FLOOD_S * 10), "s", FLOOD_S),
        Figure("A3", f"alarms of other devices, p99 of {len(found)}", percentile(found, 0.99), "s", ALARM_S_MAX),
    ]  # fmt: skip


# -- A5, A6 -------------------------------------------------------------------------------


@proof("A5", waits=True)
async def a_blocked_server(ward: Ward) -> list[Figure]:
    """An event loop that is blocked for a second, and one that is blocked for good."""
    server = ward.server
    server.module = "tests.chaos.blocking_server"
    await server.start()
    devices = await ward.devices(count=4, fps=2)
    viewers = await ward.viewers(count=1)
    await asyncio.sleep(1)
    began = time.time()
    server.send(signal.SIGUSR1)
    await asyncio.sleep(MOMENT_S + 3)
    told = [each["t"] - began for each in ward.records("event")
            if each["alarm"]["condition"] == "EVENT_LOOP_BLOCKED"]  # fmt: skip
    run, began = server.runs[-1], time.time()
    server.send(signal.SIGUSR2)
    await server.ended(run)
    ended = time.time() - began
    await server.serving()
    serving = time.time() - began
    await devices.wait_for("back")
    await viewers.wait_for("back")
    await ward.finish(devices)
    verdict = ward.check()
    return [
        Figure("A5", f"blocked for {MOMENT_S:g} s: EVENT_LOOP_BLOCKED at a viewer", min(told, default=100), "s", MOMENT_S + 1),
        Figure("A5", "blocked for good: the process ends", ended, "s", 6.5, least=5),
        Figure("A5", "with the code of a blocked server", run.code or 0, "", ExitCode.BLOCKED, least=ExitCode.BLOCKED),
        Figure("A5", "and serves again", serving, "s", 9),
        Figure("A5", f"{verdict.acked} acknowledged samples: lost", len(verdict.lost), "", 0),
    ]  # fmt: skip


@proof("A6")
async def a_second_server(ward: Ward) -> list[Figure]:
    """A second server on the same data, and one on the same port."""
    await ward.server.start()
    free = f"127.0.0.1:{free_port()}"
    cases = (
        ("data", ward.server.data, free),
        ("port", ward.directory / "other", ward.server.target),
    )
    figures = []
    for what, data, listen in cases:
        log = ward.directory / f"second-{what}.log"
        began = time.monotonic()
        second = await Child.start(
            "-m", "rpm_service", "serve", "--data", str(data), "--certs", str(ward.certs),
            "--listen", listen, log=log,
        )  # fmt: skip
        code = await second.wait()
        seconds = time.monotonic() - began
        lines = len(log.read_text().splitlines())
        is_told = code == ExitCode.BUSY and lines == 1
        figures += [
            Figure("A6", f"the same {what}: refused", seconds, "s", 1),
            Figure(
                "A6", f"the same {what}: in one line, with code 5", int(is_told), "", 1, least=1
            ),
        ]
    return figures


if __name__ == "__main__":
    socket.setdefaulttimeout(10)
    attack(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
