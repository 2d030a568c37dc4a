"""A ward of simulated bedsides, each streaming to a server as a device of its own."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from rpm_service.gateways.streaming import Device
from rpm_service.sdk import Credentials, Monitor, Observation, Samples
from rpm_service.simulator.bedside import (
    MANUFACTURER,
    MODEL,
    NUMERICS,
    WAVEFORMS,
    SimulatedBedside,
)

CHUNK_S: Final = 0.25
"""Waveforms are sent in pieces of this length; numerics are observed each fourth piece."""


def devices(
    credentials: Mapping[str, Credentials], scenario: str | Sequence[str], seed: int
) -> list[Device]:
    """Makes a device of each id and its credentials; bed numbers follow their order.

    `scenario` is one of SCENARIO_NAMES for all, or one for each. Raises ScenarioUnknown.
    """
    stories = [scenario] * len(credentials) if isinstance(scenario, str) else scenario
    return [
        _device(device_id, own, SimulatedBedside(seed, story, number))
        for number, ((device_id, own), story) in enumerate(
            zip(credentials.items(), stories, strict=True), start=1
        )
    ]


def _device(device_id: str, credentials: Credentials, bedside: SimulatedBedside) -> Device:
    silent_s = bedside.scenario.silent_s
    return Device(
        credentials,
        [Monitor(device_id, NUMERICS, WAVEFORMS, MANUFACTURER, MODEL)],
        partial(frames, bedside),
        (bedside.onset_s, bedside.onset_s + silent_s) if silent_s else None,
    )


def frames(bedside: SimulatedBedside, begin: float) -> Iterator[Sequence[Observation]]:
    """What a bedside says from `begin` on, for ever: its numerics, and the waveforms till then."""
    samples: tuple[Samples, ...] = ()
    number = 0
    while True:
        at_s = number * CHUNK_S
        number += 1
        chunk = bedside.advance(at_s, number * CHUNK_S)
        instant = next(iter(chunk.instants), None)
        if instant is not None:
            yield (
                Observation(
                    begin + instant.at_s,
                    instant.values,
                    indices=instant.indices,
                    validity=instant.validity,
                    sample_arrays=samples,
                ),
            )
        elif samples:
            yield (Observation(begin + at_s, sample_arrays=samples),)
        samples = tuple(
            Samples(strip.index, begin + strip.start_s, strip.samples.astype("<i2").tobytes())
            for strip in chunk.strips
        )
