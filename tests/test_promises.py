"""The table of promises is as the marks are, and every promise has its row."""

import re

from docs.draw_promises import PAGE, ROOT, ROW, drawn, marks, proofs

MUTATION = re.compile(r"^\| ([GA]\d+) \|[^|]+\| `(.+?)` \|$", re.MULTILINE)


def rows() -> list[str]:
    return [name for name, _ in ROW.findall(PAGE.read_text())]


def test_the_table_names_what_proves_each_promise() -> None:
    page = PAGE.read_text()
    assert page == drawn(page), "make docs"


def test_every_mark_and_every_proof_is_of_a_promise() -> None:
    stray = {(name, where) for name, where in (*marks(), *proofs()) if name not in rows()}
    assert not stray


def test_every_promise_has_its_row() -> None:
    assert rows() == [*(f"G{n}" for n in range(1, 23)), *(f"A{n}" for n in range(1, 7))]


def test_what_went_red_is_there() -> None:
    for promise, told in MUTATION.findall((ROOT / "docs" / "mutations.md").read_text()):
        assert promise in rows()
        if told.startswith("make chaos "):
            assert (promise, told.removeprefix("make chaos ")) in set(proofs())
        else:
            place, _, test = told.partition("::")
            assert f"{test}" in (ROOT / place).read_text(), told
