"""All that a person does at the page, by the keyboard alone, and what the server knows of it."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, expect

from rpm_service.application.identity import Role
from rpm_service.commands.address import address
from rpm_service.commands.streaming import credentials_of
from rpm_service.sdk.channel import open_channel
from rpm_service.v1.alarm_pb2 import (
    ALARM_PRESENCE_ACKNOWLEDGED,
    ALARM_PRESENCE_LATCHED,
    INACTIVATION_ALARM_PAUSED,
    RESPONSIBILITY_ACCEPTED,
    RESPONSIBILITY_REJECTED,
    AlarmEvent,
)
from rpm_service.v1.monitoring_pb2 import (
    BedDescription,
    MetricDescription,
    Snapshot,
    Subscribe,
    WatchRequest,
)
from rpm_service.v1.monitoring_pb2_grpc import MonitoringServiceStub
from tests.browser.beds import simulated
from tests.browser.conftest import PATIENCE_S, House, started
from tests.browser.keyboard import Keyboard
from tests.browser.page import evidence_is_kept, page_of

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.spec("STATION-55")]

UNITS = """
[other.presets.adult.limits.HR]
latching = true
delay_s = 0
"""
"""Alarms of the heart rate stay until somebody resets them."""
LOOKS_EVERY_S = 0.2


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Two calm beds."""
    folder = tmp_path_factory.mktemp("keyboard")
    (folder / "data").mkdir()
    (folder / "data" / "units.toml").write_text(UNITS)
    with started(folder) as house, simulated(house, "bed", beds=2):
        yield house


@pytest.fixture(scope="module")
def ill(ward: House) -> Iterator[House]:
    """The same ward with a third bed, whose patient's heart stands still."""
    with simulated(ward, "ill", scenario="asystole"):
        yield ward


class Seen:
    """What any viewer is told, over gRPC and with a certificate of its own."""

    def __init__(self, monitoring: MonitoringServiceStub) -> None:
        self._monitoring = monitoring

    async def _snapshots(self) -> AsyncIterator[Snapshot]:
        """Asks for the ward anew, over and over."""

        async def asks() -> AsyncIterator[WatchRequest]:
            while True:
                yield WatchRequest(subscribe=Subscribe())
                await asyncio.sleep(LOOKS_EVERY_S)

        call = self._monitoring.Watch(asks())
        try:
            async for frame in call:
                if frame.HasField("snapshot"):
                    yield frame.snapshot
        finally:
            call.cancel()

    async def until(self, holds: Callable[[Snapshot], bool]) -> None:
        """The server comes to know something."""
        async with asyncio.timeout(PATIENCE_S):
            async for told in self._snapshots():
                if holds(told):
                    return

    async def bed(self, name: str, holds: Callable[[BedDescription], bool]) -> None:
        await self.until(lambda told: any(each.bed == name and holds(each) for each in told.beds))

    async def rate(self, name: str, holds: Callable[[MetricDescription], bool]) -> None:
        """The heart rate of a bed."""
        await self.bed(name, lambda bed: any(m.name == "HR" and holds(m) for m in bed.metrics))

    async def alarm(self, bed: str, condition: str, holds: Callable[[AlarmEvent], bool]) -> None:
        await self.until(
            lambda told: any(
                (each.bed, each.condition) == (bed, condition) and holds(each)
                for each in told.alarms
            )
        )


@asynccontextmanager
async def at_the_keys(
    ward: House, browser, errors: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Page, Keyboard, Seen]]:
    """A page that nobody points at, and what the server tells another viewer meanwhile."""
    credentials = credentials_of(ward.certs, Role.USER, "viewer")
    async with (
        open_channel(address(ward.target), credentials) as channel,
        page_of(ward, browser, errors=errors) as page,
    ):
        await expect(page.locator(".tile").nth(1)).to_be_visible()
        yield page, Keyboard(page), Seen(MonitoringServiceStub(channel))


async def open_bed(page: Page, keys: Keyboard, bed: str) -> None:
    """From the ward, by the arrow keys and Enter."""
    await keys.to(page.locator(f".tile[data-bed={bed}]"), "ArrowRight")
    await keys.press("Enter")
    await expect(page.get_by_role("heading", name=f"Bed {bed}")).to_be_focused()


@pytest.mark.spec("STATION-62")
async def test_sound_is_turned_on_and_tested(ward, browser):
    async with at_the_keys(ward, browser) as (page, keys, seen):
        await keys.press_at(page.get_by_role("button", name="Turn sound on"))
        heard = page.get_by_role("button", name="I heard all three")
        await expect(heard).to_be_focused()
        await keys.press("Enter")
        await seen.bed("bed-01", lambda bed: bed.covered)
        await keys.is_somewhere()
        # An alarm would be heard in the place of the test.
        await expect(page.get_by_text("No alarm", exact=True)).to_be_visible()
        again = page.get_by_role("button", name="Test sound")
        await keys.press_at(again)
        await expect(heard).to_be_focused()
        await keys.press("Enter")
        await expect(again).to_be_focused()


@pytest.mark.spec("STATION-62")
async def test_an_alarm_is_answered_paused_and_acknowledged(ill, browser):
    async with at_the_keys(ill, browser) as (page, keys, seen):
        item = page.get_by_role("listitem").filter(has_text="ill-01 asystole")
        await expect(item).to_be_visible()

        def asystole(holds: Callable[[AlarmEvent], bool]) -> Awaitable[None]:
            return seen.alarm("ill-01", "ASYSTOLE", holds)

        await keys.press_at(item.get_by_role("button", name="I cannot go"))
        await asystole(lambda alarm: alarm.responsibility == RESPONSIBILITY_REJECTED)
        await keys.press_at(item.get_by_role("button", name="I am going"))
        await asystole(lambda alarm: alarm.responsibility == RESPONSIBILITY_ACCEPTED)
        await keys.press_at(item.get_by_role("button", name="Pause 2:00"), "Enter", "Enter")
        await seen.bed("ill-01", lambda bed: bed.HasField("audio_paused_until"))
        await keys.press_at(item.get_by_role("button", name="Sound on"))
        await seen.bed("ill-01", lambda bed: not bed.HasField("audio_paused_until"))
        await keys.press_at(item.get_by_role("button", name="Acknowledge"), "Enter", "Enter")
        await asystole(lambda alarm: alarm.presence == ALARM_PRESENCE_ACKNOWLEDGED)
        await expect(item).to_contain_text("acknowledged by clinician")
        # Its button is gone: the keyboard goes on at the alarm, and opens its bed from there.
        await expect(item).to_be_focused()
        await keys.press("Enter")
        await expect(page.get_by_role("heading", name="Bed ill-01")).to_be_focused()
        await keys.press("Escape")
        await expect(page.locator(".tile[data-bed=ill-01]")).to_be_focused()


@pytest.mark.spec("STATION-62")
async def test_alarms_are_held_back_and_signal_again(ward, browser):
    async with at_the_keys(ward, browser) as (page, keys, seen):
        await open_bed(page, keys, "bed-02")
        await keys.tab("Signals")
        await keys.choose(page.get_by_label("Hold back"), "alarms paused")
        await keys.fill(page.get_by_label("because"), "the probe is moved")
        await keys.press("Enter")
        await seen.bed(
            "bed-02",
            lambda bed: (
                [(each.state, each.reason, each.by) for each in bed.inactivations]
                == [(INACTIVATION_ALARM_PAUSED, "the probe is moved", "clinician")]
            ),
        )
        await keys.press_at(page.get_by_role("button", name="Signal again"))
        await seen.bed("bed-02", lambda bed: not bed.inactivations)
        await keys.is_somewhere()
        await keys.press_at(page.get_by_role("button", name="Close"))
        await expect(page.locator(".tile[data-bed=bed-02]")).to_be_focused()


@pytest.mark.spec("STATION-62")
async def test_a_stay_from_admission_to_discharge(ward, browser):
    async with at_the_keys(ward, browser) as (page, keys, seen):
        await open_bed(page, keys, "bed-01")
        await admit(page, keys)
        await seen.bed("bed-01", lambda bed: bed.patient_id == "P-1")
        await move_limits(page, keys, seen)
        await keys.tab("NEWS2")
        await keys.choose(page.get_by_label("Breathes"), "oxygen")
        await keys.choose(page.get_by_label("Consciousness"), "alert")
        await keys.press_at(page.get_by_role("button", name="Record for NEWS2"))
        await seen.bed("bed-01", lambda bed: {"oxygen", "consciousness"} <= scored(bed))
        await keys.tab("Patient")
        await keys.fill(page.get_by_label("To bed"), "bed-03")
        await keys.press_at(page.get_by_role("button", name="Transfer …"))
        await expect(page.get_by_role("button", name="Cancel")).to_be_focused()
        await keys.press("Escape")
        await expect(page.get_by_role("button", name="Transfer …")).to_be_focused()
        await keys.press("Enter")
        await keys.press_at(page.get_by_role("button", name="Transfer now"))
        await seen.bed("bed-03", lambda bed: bed.patient_id == "P-1")
        await keys.is_somewhere()
        await open_bed(page, keys, "bed-03")
        await keys.press_at(page.get_by_role("button", name="Discharge …"))
        await keys.press_at(page.get_by_role("button", name="Discharge now"))
        await seen.bed("bed-03", lambda bed: bed.patient_id == "")
        await expect(page.get_by_text("Nobody is admitted to this bed.")).to_be_visible()
        await keys.is_somewhere()


async def admit(page: Page, keys: Keyboard) -> None:
    await keys.tab("Patient")
    await keys.fill(page.get_by_label("Identifier, not a name"), "P-1")
    await keys.choose(page.get_by_role("combobox", name="Age"), "adult")
    await keys.fill(page.get_by_label("Unit"), "East")
    await keys.press_at(page.get_by_role("button", name="Admit"))


async def move_limits(page: Page, keys: Keyboard, seen: Seen) -> None:
    """To limits that are crossed at once, and back: what is left is reset."""
    await keys.press("l")
    change = page.get_by_role("button", name="Change HR")
    await keys.press_at(change)
    form = page.get_by_role("form", name="Limits of HR")
    await expect(form.get_by_label("Extreme low")).to_be_focused()
    await keys.press("Escape")
    await expect(change).to_be_focused()
    await keys.press("Enter")
    await keys.fill(form.get_by_label("Low", exact=True), "99")
    await keys.choose(form.get_by_label("For"), "4 h")
    await keys.fill(form.get_by_label("Reason"), "as the team has said")
    await keys.press_at(form.get_by_role("button", name="Set these limits"))
    await seen.rate(
        "bed-01",
        lambda metric: (
            (metric.override.by, metric.override.reason, metric.limits.low)
            == ("clinician", "as the team has said", 99)
            and 3.9 * 3600 < metric.override.until - metric.override.since <= 4 * 3600
        ),
    )
    await expect(change).to_be_focused()
    await seen.alarm("bed-01", "HR_LOW", lambda _: True)
    await keys.press_at(page.get_by_role("button", name="Preset again HR"))
    await seen.rate("bed-01", lambda metric: not metric.HasField("override"))
    await keys.is_somewhere()
    await seen.alarm("bed-01", "HR_LOW", lambda alarm: alarm.presence == ALARM_PRESENCE_LATCHED)
    await keys.press_at(page.get_by_role("button", name="Reset bed-01"))
    await seen.until(
        lambda told: all((each.bed, each.condition) != ("bed-01", "HR_LOW") for each in told.alarms)
    )
    await keys.is_somewhere()


def scored(bed: BedDescription) -> set[str]:
    return {each.input for each in bed.early_warning.sub_scores}


@pytest.mark.spec("STATION-62")
async def test_what_is_behind_is_looked_at(ill, browser):
    async with at_the_keys(ill, browser) as (page, keys, _):
        await expect(page.get_by_text("!!! asystole").first).to_be_visible()
        await open_bed(page, keys, "ill-01")
        await keys.tab("Alarms")
        strip = page.get_by_role("button", name=re.compile("^(Evidence|Close) asystole"))
        read = page.locator(".calipers output")
        await evidence_is_kept(page, "ill-01 asystole")
        await keys.press_at(strip)
        before = await read.inner_text()
        await keys.to(page.get_by_label("Time B"))
        await keys.press("ArrowRight", "ArrowRight")
        await expect(read).not_to_have_text(before)
        await keys.to(page.get_by_label("Value A"))
        await keys.press("ArrowRight")
        await keys.press_at(strip)
        await keys.tab("Trends")
        hour = page.get_by_role("button", name="1 h", exact=True)
        await keys.press_at(hour)
        await expect(hour).to_have_attribute("aria-pressed", "true")
        await keys.press_at(page.get_by_role("button", name="As a table"))
        await keys.to(page.get_by_role("region", name="Trends as a table"))
        await keys.press_at(page.get_by_role("button", name="Earlier"))
        await keys.press_at(page.get_by_role("button", name="To now"))
        await keys.press_at(page.get_by_role("link", name="Alarms"))
        await expect(page.get_by_role("region", name="Event log")).to_be_visible()
        await keys.press("/")
        await expect(page.get_by_role("combobox", name="bed")).to_be_focused()
        await keys.choose(page.get_by_role("combobox", name="bed"), "ill-01")
        await keys.choose(page.get_by_role("combobox", name="priority"), "high priority")
        rows = page.get_by_role("region", name="Events, newest first").locator("tbody tr")
        await expect(rows.first).to_contain_text("high priority")
        assert {"ill-01"} == set(await rows.locator("td:nth-child(2)").all_inner_texts())


@pytest.mark.spec("STATION-62")
async def test_a_limit_is_tried_the_look_is_changed_and_the_person_signs_out(ward, browser):
    async with at_the_keys(ward, browser, errors=("status of 401",)) as (page, keys, _):
        await keys.press_at(page.get_by_role("link", name="Burden"))
        await keys.fill(page.get_by_label("below", exact=True), "89")
        await keys.press("Enter")
        await expect(page.get_by_text("SpO₂ 89: ")).to_be_visible()
        await keys.is_somewhere()
        count = page.get_by_role("button", name="Count again")
        await keys.to(count, "Shift+Tab")
        await keys.press("?")
        await keys.choose(page.get_by_label("Look"), "light")
        await expect(page.locator("html")).to_have_attribute("data-theme", "light")
        await keys.press("Escape")
        await expect(count).to_be_focused()
        await keys.press_at(page.get_by_role("button", name="Help"))
        await keys.choose(page.get_by_label("Look"), "dark")
        await keys.press_at(page.get_by_role("dialog").get_by_role("button", name="Close"))
        await expect(page.get_by_role("button", name="Help")).to_be_focused()
        await keys.to(page.get_by_role("button", name="Sign out"), "Shift+Tab")
        await keys.press("Enter")
        await expect(page.get_by_text("Not signed in")).to_be_visible()
        assert (await page.request.get(f"{ward.page}/v1/session")).status == 401


@pytest.mark.spec("STATION-62")
async def test_no_page_keeps_the_keyboard(ill, browser):
    async with at_the_keys(ill, browser) as (page, keys, _):
        await expect(page.get_by_text("!!! asystole").first).to_be_visible()
        for fragment in ("#/", "#/bed/ill-01", "#/alarms", "#/burden"):
            await page.evaluate("(to) => { location.hash = to; }", fragment)
            await keys.round()
        await keys.round("Shift+Tab")
