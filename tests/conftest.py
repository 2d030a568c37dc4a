import os
from pathlib import Path

import pytest

BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The shared recordings, which are read in place and never copied."""
    directory = Path(os.environ.get("RPM_RECORDINGS", BESIDE_THE_REPOSITORY))
    if not directory.is_dir():
        pytest.skip(f"no recordings at {directory}; RPM_RECORDINGS names them")
    return directory
