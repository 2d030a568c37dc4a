import pytest

from tests.support.loopback import bear_with_the_machine


@pytest.fixture(autouse=True)
def _on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    bear_with_the_machine(monkeypatch)
