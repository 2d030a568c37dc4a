"""A ward, and the device that most stories are about."""

import pytest

from tests.support.scene import Device, Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def device(scene: Scene) -> Device:
    return scene.device().begins("HR", "SpO2")
