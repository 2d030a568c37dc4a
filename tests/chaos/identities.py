"""Two devices with the certificate of one: the newest counts, and neither loses anything."""

import asyncio
from typing import Final

from tests.chaos.history import Record
from tests.chaos.proofs import Figure, proof
from tests.chaos.silence import starts
from tests.chaos.ward import Ward

SECONDS: Final = 20.0
FLIPS: Final = 10
CUT_S_MAX: Final = 1.0
SUPERSEDED: Final = "superseded"
TOLD_PERCENT: Final = 90.0
"""Where the cut meets a frame on its way out, gRPC's client tells an error of its own."""


@proof("G12", waits=True)
async def two_of_one_identity(ward: Ward) -> list[Figure]:
    """Two devices with one certificate: the older session is cut and told why; an alarm tells."""
    await ward.server.start()
    await ward.viewers(count=2)
    one = await ward.devices(name="one", twin="twin", fps=5.0, saturation=96.0)
    ward.say("a second device has its certificate")
    two = await ward.devices(name="two", twin="twin", fps=5.0)
    await asyncio.sleep(SECONDS)
    ward.say("and leaves again")
    await ward.leave(one)
    await ward.finish(two)
    verdict = ward.check(identity="twin")
    ends = ward.records("connected", "disconnected")
    cuts = _cuts(ends)
    told = [SUPERSEDED in each["why"] for each in ends if each["what"] == "disconnected"]
    return [
        Figure("G12", "sessions that took over from the other device's", len(cuts), "", float("inf"), FLIPS),
        Figure("G12", "the older one is cut, slowest", max(cuts), "s", CUT_S_MAX),
Figure("G12", "ends that say why", 100 * sum(told) / len(told), "%", 100, TOLD_PERCENT),
        Figure("G12", "DUPLICATE_DEVICE at viewers", len({each["viewer"] for each in starts(ward, "DUPLICATE_DEVICE")}), "", 2, 2),
        Figure("G12", f"{verdict.acked} acknowledged samples: lost", len(verdict.lost), "", 0),
        Figure("G12", "stored twice, or as the other's", len(verdict.duplicated), "", 0),
    ]  # fmt: skip


def _cuts(ends: list[Record]) -> list[float]:
    """How far each end of a session is from when the other device's began.

    Two processes note these, so that either may come first.
    """
    began = [each for each in ends if each["what"] == "connected"]
    return [
        min(abs(end["t"] - each["t"]) for each in began if each["device"] != end["device"])
        for end in ends
        if end["what"] == "disconnected" and SUPERSEDED in end["why"]
    ]
