"""Every rule of the specification has a test, and every test that names a rule names one."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FRAGMENTS = sorted((ROOT / "docs" / "spec").glob("*.md"))
RULE = re.compile(r"\*\*([A-Z]+)-(\d+)\*\*")
IN_A_TITLE = re.compile(r"\[([A-Z]+-\d+)\]")
"""How a test of the page names its rule."""


def rules() -> Iterator[tuple[str, Path]]:
    for fragment in FRAGMENTS:
        for area, number in RULE.findall(fragment.read_text()):
            yield f"{area}-{number}", fragment


def markers() -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="spec"), args=[ast.Constant(str(rule))]):
                    yield rule, path
    for path in sorted((ROOT / "clinician_ui" / "tests").rglob("*.test.ts")):
        for rule in IN_A_TITLE.findall(path.read_text()):
            yield rule, path


def test_every_rule_has_a_test() -> None:
    proven = {rule for rule, _ in markers()}
    assert [rule for rule, _ in rules() if rule not in proven] == []


def test_every_marker_names_a_rule() -> None:
    known = {rule for rule, _ in rules()}
    stray = {(rule, path.relative_to(ROOT)) for rule, path in markers() if rule not in known}
    assert not stray


def test_no_number_is_given_twice() -> None:
    assert [rule for rule, times in Counter(rule for rule, _ in rules()).items() if times > 1] == []


def test_the_rules_of_an_area_are_in_one_file() -> None:
    homes = {(rule.partition("-")[0], path.name) for rule, path in rules()}
    assert len({area for area, _ in homes}) == len(homes)


def test_the_index_links_every_file_of_rules() -> None:
    linked = re.findall(r"\(spec/([a-z-]+\.md)\)", (ROOT / "docs" / "SPEC.md").read_text())
    assert sorted(linked) == [fragment.name for fragment in FRAGMENTS]
