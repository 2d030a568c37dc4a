from collections.abc import Iterator
from pathlib import Path

import pytest

from rpm_service.adapters.storage.writer import SqliteRecorder


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[SqliteRecorder]:
    recorder = SqliteRecorder(tmp_path)
    yield recorder
    recorder.close()
