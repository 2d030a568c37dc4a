"""Runs the proofs on real processes, and tells of every promise whether it was held.

    python -m tests.chaos [PROOF or PROMISE ...] [--seed SEED] [--list]

Writes build/chaos.json; ends with 1 where a bound was missed. What a proof that missed one
has left (history, seed, database, logs) stays under build/chaos/.
"""

import argparse
import asyncio
import importlib
import json
import shutil
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Final

from rpm_service.adapters.pki.credentials import ensure_server
from tests.chaos import ending
from tests.chaos.proofs import PROOFS, Figure, Proof
from tests.chaos.ward import Ward
from tests.support.process import ROOT

AREAS: Final = (
    "restarts", "settings", "silence", "clocks", "delivery", "identities",
    "links", "slow", "abuse", "disks",
)  # fmt: skip
"""Modules of proofs."""
BUILD: Final = ROOT / "build"
REPORT: Final = BUILD / "chaos.json"
KEPT: Final = BUILD / "chaos"
AT_ONCE: Final = 3
"""Proofs that mostly wait which are carried out together."""
BROKEN: Final = "did not run to its end"
NAME: Final = "tests.chaos."


def chosen(words: Sequence[str]) -> list[Proof]:
    """The proofs of these names or promises; all where none is named."""
    known = {word for each in PROOFS for word in (each.name, *each.promises)}
    unknown = [word for word in words if word not in known]
    if unknown:
        sys.exit(f"no proof or promise {', '.join(unknown)}; --list shows all")
    return [each for each in PROOFS if not words or {each.name, *each.promises} & {*words}]


async def run(each: Proof, seed: int) -> list[Figure]:
    """Carries out one proof, and keeps what it left where a bound was missed."""
    if each.lacks():
        return [
            Figure(promise, each.what, None, "", 0, note=f"not run: {each.lacks()}")
            for promise in each.promises
        ]
    directory = KEPT / each.name
    shutil.rmtree(directory, ignore_errors=True)
    begun = time.monotonic()

    def say(text: str) -> None:
        print(f"  {time.monotonic() - begun:5.1f} s  {each.name}: {text}", flush=True)

    print(f"{' '.join(each.promises)}  {each.what}", flush=True)
    try:
        async with Ward(directory, KEPT / "certs", seed, say) as ward:
            figures = await each.works(ward)
    except Exception as error:  # noqa: BLE001 - the other proofs are run all the same
        traceback.print_exc()
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        figures = [Figure(promise, BROKEN, 1, "", 0, note=text) for promise in each.promises]
    if all(figure.held is not False for figure in figures):
        say("done")
        shutil.rmtree(directory)
    else:
        say(f"kept in {directory.relative_to(ROOT)}")
    return figures


def table(figures: Sequence[Figure]) -> str:
    """All rows, for people."""
    words = {True: "held", False: "MISSED", None: "not run"}
    width = max((len(each.what) for each in figures), default=0)
    lines = []
    for each in figures:
        found = "" if each.figure is None else f"{each.figure:.4g} {each.unit}".rstrip()
        least = f"{each.least:g} to " if each.least else ""
        bound = f"{least}{each.bound:g} {each.unit}".rstrip()
        lines.append(
            f"{each.id:4} {each.what:{width}}  {found:>12}  ({bound:>9})  {words[each.held]}"
            + (f"  {each.note}" if each.note else "")
        )
    return "\n".join(lines)


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("words", nargs="*", metavar="PROOF")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    for area in AREAS:
        importlib.import_module(f"{NAME}{area}")
    proofs = chosen(options.words)
    if options.list:
        for each in proofs:
            print(f"{each.name:28} {' '.join(each.promises):8} {each.what}")
        return 0
    KEPT.mkdir(parents=True, exist_ok=True)
    ensure_server(KEPT / "certs")
    begun = time.monotonic()
    found: dict[str, list[Figure]] = {}
    figures: list[Figure] = []
    at_once = asyncio.Semaphore(AT_ONCE)

    async def carry_out(each: Proof) -> None:
        async with at_once:
            found[each.name] = await run(each, options.seed)
        figures[:] = [figure for one in proofs for figure in found.get(one.name, ())]
        report = {"seed": options.seed, "rows": [figure.row() for figure in figures]}
        REPORT.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")

    for each in proofs:
        if not each.waits:
            await carry_out(each)
    await asyncio.gather(*(carry_out(each) for each in proofs if each.waits))
    print(f"\n{table(figures)}\n\n{time.monotonic() - begun:.0f} s; seed {options.seed}; {REPORT}")
    return 1 if any(figure.held is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(ending.run(main()))
