"""A ward of devices, people and a server under seeded faults: what is promised holds throughout."""

import logging

import pytest

from tests.simulation.seeds import play

SEEDS = range(200)


@pytest.fixture(autouse=True)
def _quiet() -> object:
    """What a server logs while its disk fails, ten thousand times, says nothing here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_promised_holds_in_every_seed(seed: int) -> None:
    play(seed)
