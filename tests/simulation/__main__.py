"""`python -m tests.simulation`: plays seeds until one fails, and says how to see that one again."""

import argparse
import logging
import traceback
from time import monotonic

from tests.simulation.seeds import play, size_of

SAY_EVERY_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many, from --first on")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, help="this one alone, with the server's log")
    wanted = parser.parse_args()
    if wanted.seed is not None:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        seeds = range(wanted.seed, wanted.seed + 1)
    else:
        # What a server logs while its disk fails says nothing about a seed that passes.
        logging.disable(logging.CRITICAL)
        seeds = range(wanted.first, wanted.first + wanted.seeds)
    play_all(seeds)


def play_all(seeds: range) -> None:
    """Plays seeds with progress on the terminal. Raises SystemExit at the first that fails."""
    began = said = monotonic()
    samples = 0
    for seed in seeds:
        try:
            samples += play(seed).samples
        except Exception as error:
            size = size_of(seed)
            traceback.print_exc()
            print(f"\nseed {seed} fails: {error}")
            print(f"{size.devices} devices, {size.viewers} viewers, {size.seconds:g} s")
            print(f"again: python -m tests.simulation --seed {seed}")
            raise SystemExit(1) from error
        if monotonic() - said >= SAY_EVERY_S:
            said = monotonic()
            done = seed - seeds.start + 1
            print(f"{done} of {len(seeds)} seeds hold, {samples} samples stored", flush=True)
    print(f"{len(seeds)} seeds hold, {samples} samples stored, {monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
