"""A ward of devices, viewers and people under seeded faults: what is promised holds throughout."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.seeds import play

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(200)
WAS_WRONG = {
    4: "LIVE-30-alarm-over-before-a-new-snapshot-was-not-told",
    10: "INGEST-41-delay-began-anew-with-each-lost-connection",
    99: "INGEST-40-held-back-heartbeat-moved-a-clock",
    177: "LIVE-31-values-of-one-patient-in-a-frame-of-another",
}
"""What went wrong in a seed once, and does again without what mended it. With a frame more or less
each seed is another world: these are the first of 200 that went wrong when they were tried last.
A late Hello (SDK-40) goes wrong in none of these; tests/sdk/test_session.py has it."""


def named(seed: int) -> str:
    return f"{seed}-{WAS_WRONG[seed]}" if seed in WAS_WRONG else str(seed)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What a server logs while its disk fails, ten thousand times, says nothing here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS, ids=named)
def test_what_is_promised_holds_in_every_seed(seed: int) -> None:
    play(seed)


@pytest.mark.timeout(300)
def test_a_seed_is_the_same_world_in_every_process() -> None:
    story = "from tests.simulation.seeds import play; print(play(0)[:-1])"
    told = {
        subprocess.run(
            [sys.executable, "-c", story],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": chance},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for chance in ("1", "2")
    }
    assert len(told) == 1
