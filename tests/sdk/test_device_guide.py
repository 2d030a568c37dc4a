"""What the device guide shows is what runs."""

import ast
import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from rpm_service import sdk
from rpm_service.v1 import telemetry_pb2
from tests.sdk.conftest import DEVICE
from tests.support.fake_telemetry import PATIENCE_S, FakeTelemetry

GUIDE = (Path(__file__).parents[2] / "docs" / "device-guide.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.spec("SDK-1")
async def test_the_first_example_runs_as_it_stands(server: FakeTelemetry, certs: Path) -> None:
    program = EXAMPLES[0]
    for shown, here in (
        ("certs/dev", str(certs)),
        ("localhost:50051", server.target),
        ("sleep(1)", "sleep(0)"),
    ):
        assert shown in program
        program = program.replace(shown, here)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", program, stdout=PIPE, stderr=PIPE
    )
    session = await server.session()
    await session.frame("hello")
    await session.welcome()
    (mds,) = (await session.frame("describe")).mds
    assert mds.id == DEVICE
    frames = await session.acknowledge_until_goodbye()
    async with asyncio.timeout(PATIENCE_S):
        _, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    values = [list(frame.entries[0].values) for frame in frames]
    assert values[:2] == [[98.0, 72.0], [97.0, 0.0]]
    assert [str(value) for value in values[2]] == ["nan", "74.0"]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_uses_names_that_the_package_has(example: str) -> None:
    called = {
        node.func.id
        for node in ast.walk(ast.parse(example))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called - {"main", "float"} <= set(sdk.__all__)


def test_the_codes_of_the_guide_are_those_of_the_service() -> None:
    from rpm_service.domain.metrics import BY_CODE

    for name, code, unit in re.findall(r"(\w+) = Numeric\(code=(\d+), unit=(\d+)\)", GUIDE):
        metric = BY_CODE[int(code)]
        assert {"SPO2": "SpO2", "PULSE": "PR"}[name] == metric.name
        assert int(unit) in metric.units
    assert telemetry_pb2.DESCRIPTOR.name in GUIDE
