"""The page of the live messages is what the contract says."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rpm_service.v1 import monitoring_pb2 as m

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_messages", DOCS / "draw_messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.spec("LISTEN-20")
def test_the_page_is_drawn_from_the_contract(drawing: ModuleType) -> None:
    page = drawing.PAGE.read_text()
    assert tuple(drawing.BLOCK.findall(page)) == drawing.ROOTS
    assert drawing.redrawn(page) == page, "run `make docs`"


@pytest.mark.spec("LISTEN-20")
def test_every_live_message_is_described_with_every_field_and_value(drawing: ModuleType) -> None:
    titles = re.split(r"^### (\w+)$", drawing.PAGE.read_text(), flags=re.MULTILINE)[1:]
    sections = dict(zip(titles[::2], titles[1::2], strict=True))
    wanted: dict[str, list[str]] = {}
    for root in (m.WatchRequest, m.WatchResponse):
        collect(root.DESCRIPTOR, wanted)
    assert {"Snapshot", "AlarmEvent", "AlarmPresence", "SubScore"} <= wanted.keys()
    assert len(titles) == 2 * len(sections), "each once"
    for name, parts in wanted.items():
        assert sections[name].strip(), f"{name} says nothing"
        told = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", sections[name], flags=re.MULTILINE))
        assert list(told) == parts
        assert all(each.rpartition("|")[2].strip() for each in told.values()), name


def collect(descriptor: Any, wanted: dict[str, list[str]]) -> None:
    """Every message and enumeration that a message leads to, with what is in it."""
    if descriptor.name in wanted:
        return
    wanted[descriptor.name] = [field.name for field in descriptor.fields]
    for field in descriptor.fields:
        if field.message_type is not None:
            collect(field.message_type, wanted)
        if field.enum_type is not None:
            wanted[field.enum_type.name] = [value.name for value in field.enum_type.values]


@pytest.mark.spec("LISTEN-20")
def test_every_way_and_every_link_of_the_page_is_there(drawing: ModuleType) -> None:
    page = drawing.PAGE.read_text()
    for way in ("MonitoringService.Watch", "/v1/watch", "GET /v1/events", "/monitoring"):
        assert way in page
    anchors = {title.lower() for title in re.findall(r"^### (\w+)$", page, flags=re.MULTILINE)}
    assert set(re.findall(r"\(#(\w+)\)", page)) <= anchors
