import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UI = ROOT / "clinician_ui"


def contents(directory: Path, suffixes: set[str]) -> dict[str, str]:
    return {
        str(file.relative_to(directory)): file.read_text()
        for file in directory.rglob("*")
        if file.suffix in suffixes and file.name != "__init__.py"
    }


def differing(committed: dict[str, str], generated: dict[str, str]) -> set[str]:
    every = {*committed, *generated}
    return {name for name in every if committed.get(name) != generated.get(name)}


@pytest.mark.spec("WIRE-60")
def test_the_python_code_in_the_tree_is_what_the_contract_generates(tmp_path: Path) -> None:
    subprocess.run(
        [ROOT / "protos" / "generate.sh", tmp_path],
        env=os.environ | {"PYTHON": sys.executable},
        check=True,
        capture_output=True,
        text=True,
    )
    committed = contents(ROOT / "rpm_service" / "v1", {".py", ".pyi"})
    generated = contents(tmp_path / "rpm_service" / "v1", {".py", ".pyi"})
    assert len(generated) >= 12
    assert differing(committed, generated) == set(), "run `make generate`"


@pytest.mark.spec("WIRE-60")
def test_the_code_of_the_page_in_the_tree_is_what_the_contract_generates(tmp_path: Path) -> None:
    plugin = UI / "node_modules" / "@bufbuild" / "protoc-gen-es" / "bin" / "protoc-gen-es"
    if not plugin.is_file() or shutil.which("node") is None:
        pytest.skip("needs clinician_ui/node_modules: run `make check` once")
    # The template speaks in relative paths; nothing of the tree is written to.
    for name in ("buf.gen.yaml", "node_modules"):
        (tmp_path / name).symlink_to(UI / name)
    buf = Path(sys.executable).parent / "buf"
    subprocess.run(
        [buf, "generate", ROOT / "protos"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    committed = contents(UI / "src" / "wire", {".ts"})
    generated = contents(tmp_path / "src" / "wire", {".ts"})
    assert len(generated) == 7
    assert differing(committed, generated) == set(), "run `make generate`"
