"""How large the world of a seed is, and one seed from beginning to end."""

from time import process_time
from typing import NamedTuple

from tests.simulation.world import Size, World

WHOLE = Size(devices=40, viewers=8, seconds=3600.0)
HALF = Size(devices=10, viewers=4, seconds=600.0)
SMALL = Size(devices=3, viewers=2, seconds=200.0)


def size_of(seed: int) -> Size:
    """Most worlds are small: what goes wrong among many mostly goes wrong among few."""
    if seed % 200 == 199:
        return WHOLE
    return HALF if seed % 20 == 19 else SMALL


class Passed(NamedTuple):
    """What a seed was, for people to read."""

    samples: int
    restarts: int
    steps: int
    alarms: int
    frames: int
    values_looked_at: int
    cpu_s: float


def play(seed: int) -> Passed:
    """Plays one seed. Raises whatever goes wrong in it."""
    began = process_time()
    world = World(seed, size_of(seed))
    world.run()
    checker = world.checker
    return Passed(
        samples=checker.samples.rows,
        restarts=world.server.lives - 1,
        steps=world.scheduler.steps,
        alarms=checker.calls.followed,
        frames=checker.frames,
        values_looked_at=checker.looked_at,
        cpu_s=process_time() - began,
    )
