"""The tables and diagrams in the documentation are those of the code."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture
def drawing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_signals", DOCS / "draw_signals.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_drawn_is_what_the_code_says(drawing: ModuleType) -> None:
    page = drawing.PAGE.read_text()
    assert set(drawing.BLOCK.findall(page)) == set(drawing.DRAWN)
    assert drawing.redrawn(page) == page, "run `make docs`"


def test_every_cell_of_a_table_is_drawn_once(drawing: ModuleType) -> None:
    for name, (table, states, events) in drawing.DRAWN.items():
        drawn = drawing.draw(name).split("```")[0]
        dashes = drawn.count(drawing.ILLEGAL)
        assert dashes == len(states) * len(events) - len(table)
        assert drawing.draw(name).count("[*]") == 1
