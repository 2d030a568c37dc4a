"""The client over real mutual TLS, against a server that does what the test says."""

import pytest

from rpm_service.sdk import (
    Credentials,
    Monitor,
    State,
    TelemetryClient,
)
from tests.support.fake_telemetry import FakeTelemetry

PATIENCE_S = 10.0


@pytest.mark.spec("SDK-1")
async def test_a_dozen_lines_stream(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    async with TelemetryClient(server.target, credentials, [monitor], software="t") as client:
        number = client.observe([98.0, 72.0], observed_at=5.0)
        session = await server.session()
        hello = await session.open()
        assert (hello.protocol_version, hello.software) == (1, "t")
        (frame,) = await session.observations_of(1)
        assert number == 1
        assert list(frame.entries[0].values) == [98.0, 72.0]
        assert frame.entries[0].observed_at == 5.0
        await session.ack(1)
        await client.drained(PATIENCE_S)
        assert client.counters.frames_acked == 1
        assert client.state is State.STREAMING
