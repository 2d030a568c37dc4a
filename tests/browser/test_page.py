"""What a clinician relies on, seen in the page itself."""

import time
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, expect

from rpm_service.v1.monitoring_pb2 import WatchRequest
from tests.support.process import rpm_service

pytestmark = [pytest.mark.browser, pytest.mark.system]


@asynccontextmanager
async def page_of(house, browser, link=None, sent=None, script=None, prepare=None):
    """A page that is signed in; whatever it complains of fails the test. What it sends to the
    server is added to `sent`; `script` runs before it, and `prepare` is given it while it is empty."""
    async with browser() as opened:
        context = await opened.new_context(
            ignore_https_errors=True, viewport={"width": 1600, "height": 900}
        )
        page: Page = await context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: message.type == "error" and complaints.append(message.text),
        )
        if script is not None:
            await page.add_init_script(script)
        if sent is not None:
            page.on("websocket", lambda live: live.on("framesent", lambda data: hear(sent, data)))
        if prepare is not None:
            await prepare(page)
        await page.goto(link or house.link)
        yield page
        said = {each for each in complaints if not any(part in each for part in house.expected)}
        assert said == set(house.errors)


def hear(sent: list[WatchRequest], data: bytes | str) -> None:
    assert isinstance(data, bytes)
    sent.append(WatchRequest.FromString(data))


def presences(sent: list[WatchRequest]) -> list[tuple[bool, bool]]:
    told = [each.presence for each in sent if each.WhichOneof("frame") == "presence"]
    return [(each.audio_armed, each.visible) for each in told]


def confirmed(sent: list[WatchRequest]) -> set[tuple[int, int]]:
    return {
        (event.occurrence_id, event.event_seq)
        for each in sent
        for event in each.confirm_delivery.events
    }


async def turn_sound_on(page) -> None:
    """A person hears the test out, and says that they heard it."""
    await page.get_by_role("button", name="Turn sound on").click()
    await page.get_by_role("button", name="I heard all three").click(timeout=15_000)


async def acknowledge(tile) -> None:
    """The first press names what will be silent, the second does it."""
    button = tile.get_by_role("button", name="Acknowledge")
    await button.click()
    await button.click()


async def test_each_bed_shows_values_with_unit_limits_and_age(house, browser):
    with rpm_service(*house.simulate, "--beds", 2):
        async with page_of(house, browser) as page:
            tile = page.locator("[data-bed=bed-02]")
            heart_rate = tile.get_by_role("group", name="HR")
            await expect(heart_rate).to_contain_text("/min")
            await expect(heart_rate).to_contain_text("120/50")
            await expect(heart_rate.locator(".age")).to_have_text("now")
            value = await heart_rate.locator(".value").inner_text()
            assert 40 <= int(value) <= 130
            cuff = tile.get_by_role("group", name="NIBP")
            await expect(cuff.locator(".age")).to_have_text("7 s", timeout=20_000)


async def test_heart_rate_0_is_shown_as_0_alarms_and_is_acknowledged(house, browser):
    with rpm_service(*house.simulate, "--beds", 1, "--scenario", "asystole"):
        async with page_of(house, browser) as page:
            tile = page.locator("[data-bed=bed-01]")
            await expect(tile).to_contain_text("!!! asystole", timeout=20_000)
            await expect(tile.get_by_role("group", name="HR").locator(".value")).to_have_text("0")
            await acknowledge(tile)
            await expect(tile.locator("header")).to_contain_text("clinician")
            await expect(tile.get_by_role("button", name="Acknowledge")).to_have_count(0)


@pytest.mark.spec("STATION-20")
async def test_sound_is_off_until_a_person_turns_it_on_and_the_server_is_told(house, browser):
    sent: list[WatchRequest] = []
    with rpm_service(*house.simulate, "--beds", 1):
        async with page_of(house, browser, sent=sent) as page:
            await expect(page.locator("[data-bed=bed-01]")).to_be_visible()
            await expect(page.get_by_text("SOUND OFF")).to_be_visible()
            assert presences(sent) == [(False, True)]
            await turn_sound_on(page)
            await expect(page.get_by_text("SOUND OFF")).to_have_count(0)
            await expect(page.get_by_text("sound on · tested")).to_be_visible()
            assert presences(sent) == [(False, True), (True, True)]


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


@pytest.mark.spec("STATION-16")
async def test_asystole_sounds_as_3_and_2_pulses_twice_and_a_new_page_is_silent(house, browser):
    with rpm_service(*house.simulate, "--beds", 1, "--scenario", "asystole"):
        async with page_of(house, browser, script=NOTE_PULSES) as page:
            await expect(page.get_by_text("!!! asystole").first).to_be_visible(timeout=20_000)
            assert await page.evaluate("window.pulses") == []
            await turn_sound_on(page)
            test, burst = 15, 10
            pulses = (await page.evaluate(AFTER_PULSES, test + burst))[test : test + burst]
            assert {pitch for pitch, _ in pulses} == {523}
            begins = [at - pulses[0][1] for _, at in pulses]
            halves = [0, 0.25, 0.5, 1.0, 1.25]
            assert begins == pytest.approx([*halves, *(1.9 + at for at in halves)], abs=0.02)


@pytest.mark.spec("STATION-14")
async def test_every_event_of_an_alarm_is_confirmed(house, browser):
    sent: list[WatchRequest] = []
    with rpm_service(*house.simulate, "--beds", 1, "--scenario", "asystole"):
        async with page_of(house, browser, sent=sent) as page:
            tile = page.locator("[data-bed=bed-01]")
            await expect(tile).to_contain_text("!!! asystole", timeout=20_000)
            await acknowledge(tile)
            await expect(tile.locator("header")).to_contain_text("clinician")
            assert {seq for _, seq in confirmed(sent)} >= {1, 2}


async def test_a_bed_is_covered_once_sound_is_on(house, browser):
    with rpm_service(*house.simulate, "--beds", 1):
        async with page_of(house, browser) as page:
            header = page.locator("[data-bed=bed-01] header")
            await expect(header).to_contain_text("NOT COVERED", timeout=10_000)
            await turn_sound_on(page)
            await expect(header).not_to_contain_text("NOT COVERED")
            await expect(page.get_by_text("not covered")).to_have_count(0)


async def test_alarms_of_a_bed_are_paused_with_a_countdown_and_signal_again(house, browser):
    with rpm_service(*house.simulate, "--beds", 1):
        async with page_of(house, browser) as page:
            tile = page.locator("[data-bed=bed-01]")
            await tile.get_by_role("button", name="bed-01", exact=True).click()
            bed = page.get_by_role("region", name="Bed bed-01")
            await bed.get_by_label("Hold back").select_option("alarms paused")
            await bed.get_by_label("because").fill("the probe is being moved")
            await bed.get_by_role("button", name="Hold back").click()
            held = bed.get_by_role("listitem")
            await expect(held).to_contain_text("by clinician")
            await expect(held).to_contain_text("the probe is being moved")
            await page.keyboard.press("Escape")
            await expect(tile.locator("header .heldback")).to_contain_text("9:5")
            await tile.get_by_role("button", name="bed-01", exact=True).click()
            await bed.get_by_role("button", name="Signal again").click()
            await expect(held).to_have_text("Nothing is held back here.")
            await page.keyboard.press("Escape")
            await expect(tile.locator("header .heldback")).to_have_count(0)


async def test_a_frozen_server_is_not_monitoring_and_comes_back_by_itself(house, browser):
    with rpm_service(*house.simulate, "--beds", 1):
        async with page_of(house, browser) as page:
            tile = page.locator("[data-bed=bed-01]")
            await expect(tile.get_by_role("group", name="HR").locator(".age")).to_have_text("now")
            house.freeze()
            frozen = time.monotonic()
            await expect(page.get_by_text("NOT MONITORING").first).to_be_visible(timeout=10_000)
            assert 4 <= time.monotonic() - frozen <= 7
            await expect(tile.get_by_role("group", name="HR")).to_have_count(0)
            house.thaw()
            await expect(tile.get_by_role("group", name="HR").locator(".age")).to_have_text(
                "now", timeout=15_000
            )
            await expect(page.get_by_text("NOT MONITORING")).to_have_count(0)


async def test_without_a_session_nothing_is_shown(house, browser):
    with rpm_service(*house.simulate, "--beds", 1):
        house.errors = [
            "Failed to load resource: the server responded with a status of 401 (Unauthorized)"
        ]
        async with page_of(house, browser, link=house.page) as page:
            await expect(page.get_by_text("Not signed in")).to_be_visible()
            await expect(page.locator("[data-bed]")).to_have_count(0)
