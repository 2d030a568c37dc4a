"""What a clinician relies on, seen in the page itself."""

import asyncio
import re

import pytest
from playwright.async_api import expect

from rpm_service.v1.monitoring_pb2 import WatchRequest, WatchResponse
from tests.browser.beds import simulated
from tests.browser.conftest import PATIENCE_S
from tests.browser.page import acknowledge, number, page_of, tile, turn_sound_on

pytestmark = [pytest.mark.browser, pytest.mark.system]


NOTE_PULSES = """
const start = AudioScheduledSourceNode.prototype.start;
window.pulses = [];
AudioScheduledSourceNode.prototype.start = function (at) {
  window.pulses.push([Math.round(this.frequency.value), at - this.context.currentTime]);
  return start.call(this, at);
};
"""
AFTER_PULSES = """
(wanted) => new Promise((done) => {
  const look = () => window.pulses.length < wanted ? setTimeout(look, 50) : done(window.pulses);
  look();
})
"""
"""Pitch of each pulse and in how many seconds it sounds, as the page hands them to the browser."""


def presences(sent: list[WatchRequest]) -> list[tuple[bool, bool]]:
    told = [each.presence for each in sent if each.WhichOneof("frame") == "presence"]
    return [(each.audio_armed, each.visible) for each in told]


def events(heard: list[WatchResponse], bed: str) -> set[tuple[int, int]]:
    """The alarm events of a bed that the server told of."""
    parts = [part for each in heard for part in (each.snapshot, each.delta)]
    alarms = [alarm for part in parts for alarm in part.alarms if alarm.bed == bed]
    return {(alarm.occurrence_id, alarm.event_seq) for alarm in alarms}


def confirmed(sent: list[WatchRequest]) -> set[tuple[int, int]]:
    return {
        (event.occurrence_id, event.event_seq)
        for each in sent
        for event in each.confirm_delivery.events
    }


@pytest.mark.spec("STATION-3")
async def test_each_bed_shows_values_with_unit_limits_and_age(ward, calm_bed, browser):
    async with page_of(ward, browser) as page:
        heart_rate = number(tile(page, calm_bed), "HR")
        await expect(heart_rate).to_contain_text("/min")
        await expect(heart_rate).to_contain_text("120/50")
        await expect(heart_rate.locator(".age")).to_have_text("now")
        value = await heart_rate.locator(".value").inner_text()
        assert 40 <= int(value) <= 130
        cuff = number(tile(page, calm_bed), "NIBP").locator(".age")
        await expect(cuff).to_have_text(re.compile("[1-9]\\d* (s|min)"))


@pytest.mark.spec("STATION-4")
@pytest.mark.spec("STATION-7")
async def test_heart_rate_0_is_shown_as_0_alarms_and_is_acknowledged(ward, hearts, browser):
    async with page_of(ward, browser) as page:
        bed = tile(page, next(hearts))
        await expect(bed).to_contain_text("!!! asystole")
        await expect(number(bed, "HR").locator(".value")).to_have_text("0")
        await acknowledge(bed)
        await expect(bed.locator("header")).to_contain_text("clinician")
        await expect(bed.get_by_role("button", name="Acknowledge")).to_have_count(0)


@pytest.mark.spec("STATION-15")
@pytest.mark.spec("STATION-16")
@pytest.mark.spec("STATION-20")
async def test_sound_is_off_until_a_person_turns_it_on_and_then_asystole_sounds(
    ward, calm_bed, hearts, browser
):
    sent: list[WatchRequest] = []
    async with page_of(ward, browser, script=NOTE_PULSES, sent=sent) as page:
        header = tile(page, calm_bed).locator("header")
        await expect(tile(page, next(hearts))).to_contain_text("!!! asystole")
        await expect(header).to_contain_text("NOT COVERED")
        await expect(page.get_by_text("SOUND OFF")).to_be_visible()
        assert await page.evaluate("window.pulses") == []
        assert presences(sent) == [(False, True)]
        await turn_sound_on(page)
        await expect(page.get_by_text("SOUND OFF")).to_have_count(0)
        await expect(page.get_by_text("sound on · tested")).to_be_visible()
        await expect(header).not_to_contain_text("NOT COVERED")
        await expect(page.locator(".tile .uncovered")).to_have_count(0)
        assert presences(sent) == [(False, True), (True, True)]
        test, burst = 15, 10
        pulses = (await page.evaluate(AFTER_PULSES, test + burst))[test : test + burst]
        assert {pitch for pitch, _ in pulses} == {523}
        begins = [at - pulses[0][1] for _, at in pulses]
        halves = [0, 0.25, 0.5, 1.0, 1.25]
        assert begins == pytest.approx([*halves, *(1.9 + at for at in halves)], abs=0.02)


@pytest.mark.spec("STATION-14")
async def test_every_event_of_an_alarm_is_confirmed(ward, hearts, browser):
    sent: list[WatchRequest] = []
    heard: list[WatchResponse] = []
    name = next(hearts)
    async with page_of(ward, browser, sent=sent, heard=heard) as page:
        bed = tile(page, name)
        await expect(bed).to_contain_text("!!! asystole")
        await acknowledge(bed)
        await expect(bed.locator("header")).to_contain_text("clinician")
        assert len(events(heard, name)) >= 2
        async with asyncio.timeout(PATIENCE_S):
            while events(heard, name) - confirmed(sent):
                await page.wait_for_timeout(50)


@pytest.mark.spec("STATION-27")
async def test_alarms_of_a_bed_are_paused_with_a_countdown_and_signal_again(ward, browser):
    with simulated(ward, "held-back") as (name,):
        async with page_of(ward, browser) as page:
            bed = tile(page, name)
            await bed.get_by_role("button", name=name, exact=True).click()
            whole = page.get_by_role("region", name=f"Bed {name}")
            await whole.get_by_label("Hold back").select_option("alarms paused")
            await whole.get_by_label("because").fill("the probe is being moved")
            await whole.get_by_role("button", name="Hold back").click()
            held = whole.get_by_role("listitem")
            await expect(held).to_contain_text("by clinician")
            await expect(held).to_contain_text("the probe is being moved")
            await page.keyboard.press("Escape")
            await expect(bed.locator("header .heldback")).to_contain_text("9:5")
            await bed.get_by_role("button", name=name, exact=True).click()
            await whole.get_by_role("button", name="Signal again").click()
            await expect(held).to_have_text("Nothing is held back here.")
            await page.keyboard.press("Escape")
            await expect(bed.locator("header .heldback")).to_have_count(0)


@pytest.mark.spec("WEB-1")
async def test_without_a_session_nothing_is_shown(ward, calm_bed, browser):
    unknown = ("401 (Unauthorized)",)
    async with page_of(ward, browser, link=ward.page, errors=unknown) as page:
        await expect(page).to_have_title("Sign in · Central station")
        await expect(page.locator("[data-bed]")).to_have_count(0)
