"""Writes into docs/promises.md where each promise is proven, from the marks of tests and proofs.

python docs/draw_promises.py
"""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.chaos.__main__ import AREAS
from tests.chaos.proofs import PROOFS

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "promises.md"
ROW: Final = re.compile(r"^\| ([GA]\d+) \| ([^|]+) \|.*\|$", re.MULTILINE)


def marks() -> Iterator[tuple[str, str]]:
    """The promise and the file, below tests/, of every mark."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="promise"), args=[ast.Constant(str(name))]):
                    yield name, path.relative_to(ROOT / "tests").as_posix()


def proofs() -> Iterator[tuple[str, str]]:
    """The promise and the name of every proof of `make chaos`."""
    for area in AREAS:
        module = importlib.import_module(f"tests.chaos.{area}")
        # In this order, whichever was imported first.
        for each in PROOFS:
            if each.works.__module__ == module.__name__:
                for name in each.promises:
                    yield name, each.name


def drawn(page: str) -> str:
    """The page with its last two columns written anew."""
    tests, chaos = list(marks()), list(proofs())

    def row(found: re.Match[str]) -> str:
        name, promised = found.groups()
        columns = (_named(name, tests), _named(name, chaos))
        return f"| {name} | {promised} |" + "".join(
            f" {each} |" if each else " |" for each in columns
        )

    return ROW.sub(row, page)


def _named(name: str, proven: list[tuple[str, str]]) -> str:
    return ", ".join(dict.fromkeys(f"`{where}`" for promise, where in proven if promise == name))


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
