"""The table of promises is as the marks are, and every promise has its row."""

import re

from docs.draw_promises import PAGE, ROOT, ROW, drawn, marks, proofs

MUTATIONS = ROOT / "docs" / "mutations.md"
MUTATION = re.compile(r"^\| (\S+) \|[^|]+\| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`((?:tests|clinician_ui/tests)/[^`:]+)(?:::([^`]+))?`")
PROOF = re.compile(r"`make chaos (\w+)`")


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


def test_every_promise_has_a_mechanism_that_was_taken_out() -> None:
    taken_out = {promise for promise, _ in MUTATION.findall(MUTATIONS.read_text())}
    assert not set(rows()) - taken_out
    assert not {each for each in taken_out if re.fullmatch(r"[GA]\d+", each)} - set(rows())


def test_what_went_red_is_there() -> None:
    for promise, told in MUTATION.findall(MUTATIONS.read_text())[1:]:
        tests, named = TEST.findall(told), PROOF.findall(told)
        assert tests or named, told
        for place, test in tests:
            assert (ROOT / place).exists(), place
            assert not test or test in (ROOT / place).read_text(), told
        for proof in named:
            assert (promise, proof) in set(proofs()), told
