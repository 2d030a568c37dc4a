"""The benchmarks of `make bench` in short: they look at the product from outside and from inside,
and nothing else notices where it has moved away under them."""

from math import isfinite
from pathlib import Path

import pytest
from rich.console import Console

from tests.benchmarks.__main__ import BENCHES
from tests.benchmarks.bench import Bench, Size

SIZE = Size(
    rounds=1, seconds=0.5, settle_s=0.1, streams=2, gateways=((1, 10),), devices=8, fps=10, house_s=1,
    flood_s=0.4, viewers=2, deliveries=10, beds=4, pages=1, page_s=0.4, day_s=1800,
)  # fmt: skip


@pytest.mark.system
@pytest.mark.parametrize("name", BENCHES)
def test_a_benchmark_gives_its_figures(name: str, tmp_path: Path) -> None:
    found = list(BENCHES[name](Bench(tmp_path, Console(), SIZE)))
    assert found
    for figure in found:
        assert isfinite(figure.ours), figure
        assert isfinite(figure.baseline), figure
