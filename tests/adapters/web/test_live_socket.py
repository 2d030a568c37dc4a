import pytest

from tests.adapters.web.station import SUBSCRIBE, Device, Station, frame


@pytest.mark.spec("WEB-9")
async def test_a_viewer_gets_a_snapshot_then_deltas_then_progress(ward: Station) -> None:
    device = Device(ward)
    async with ward.watch(await ward.signed_in()) as socket:
        await socket.send(SUBSCRIBE)
        snapshot = (await frame(socket)).snapshot
        assert [bed.bed for bed in snapshot.beds] == ["bed-1"]

        device.alarm()
        delta = (await frame(socket)).delta
        assert [alarm.condition for alarm in delta.alarms] == ["DEVICE_APNOEA"]
        assert delta.revision > snapshot.revision

        ward.clock.advance(1.0)
        progress = (await frame(socket)).progress
        assert progress.server_clock == ward.clock.now()
        assert progress.revision == delta.revision
