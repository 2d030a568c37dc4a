"""What the page promises of its link, with real processes, a real network and a real browser."""

import asyncio
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from itertools import count

import pytest
from playwright.async_api import CDPSession, Page, WebSocketRoute, expect

from rpm_service.adapters.pki.credentials import ensure_client
from rpm_service.application.identity import Role
from rpm_service.sdk import Credentials, GoodbyeReason, Monitor, Numeric, TelemetryClient
from rpm_service.v1.monitoring_pb2 import WatchResponse
from tests.browser.test_page import page_of
from tests.support.process import ROOT, rpm_service

pytestmark = [pytest.mark.browser, pytest.mark.system]

HR, PER_MIN = 147842, 264864
NUMBERS = count(1)
HIDDEN_S = 60
"""Past the 15 s after which the server gives up a viewer that sends no proof of life."""

NOTE_WHEN_SHOWN = """
([where, text]) => new Promise((done) => {
  const look = () => {
    const said = document.querySelector(where)?.innerText ?? "";
    if (said.includes(text)) done(Date.now() / 1000);
  };
  new MutationObserver(look).observe(document, {subtree: true, childList: true, characterData: true});
  look();
})
"""
"""The wall clock, which page and device share here, when a part of the page first says something."""


class Device:
    """A heart rate that goes on until told another, by the SDK as any device would."""

    def __init__(self, client: TelemetryClient, bed: str) -> None:
        self._client = client
        self.bed = bed
        self._rate = 72.0

    async def beat(self) -> None:
        while True:
            self._client.observe([self._rate])
            await asyncio.sleep(0.25)

    def stand_still(self) -> float:
        """The heart stops; tells when that was sent."""
        self._rate = 0.0
        sent_at = time.time()
        self._client.observe([0.0])
        return sent_at


@asynccontextmanager
async def device(house):
    """A device that is alone at its server, or one more there; its bed has a name of its own."""
    name = f"bed-{next(NUMBERS):02}"
    own = ensure_client(house.certs, Role.DEVICE, name)
    credentials = Credentials.from_pem(own.key_pem, own.chain_pem, own.trust_pem)
    monitor = Monitor(name, (Numeric(HR, PER_MIN),))
    async with TelemetryClient(house.target, credentials, [monitor]) as client:
        one = Device(client, name)
        beating = asyncio.create_task(one.beat())
        yield one
        beating.cancel()
        await client.goodbye(GoodbyeReason.SHUTDOWN)


def tile(page: Page, bed: str):
    return page.locator(f"[data-bed={bed}]")


def age(page: Page, bed: str):
    return tile(page, bed).get_by_role("group", name="HR").locator(".age")


@pytest.mark.spec("STATION-90")
async def test_an_alarm_is_on_the_page_within_a_second_of_the_device_sending_it(ward, browser):
    async with device(ward) as one, page_of(ward, browser) as page:
        await expect(age(page, one.bed)).to_have_text("now", timeout=10_000)
        shown = asyncio.create_task(
            page.evaluate(NOTE_WHEN_SHOWN, [f"[data-bed={one.bed}]", "asystole"])
        )
        await asyncio.sleep(0.2)
        sent_at = one.stand_still()
        took_s = await shown - sent_at
        print(f"alarm on the page after {1000 * took_s:.0f} ms")
        assert 0 < took_s <= 1


@pytest.mark.spec("STATION-91")
async def test_an_acknowledgement_on_one_page_is_seen_on_the_other(house, browser):
    simulate = (*house.simulate, "--beds", 1, "--scenario", "asystole")
    with rpm_service(*simulate):
        async with page_of(house, browser) as first:
            second = await first.context.new_page()
            await second.goto(house.page)
            for page in (first, second):
                await expect(tile(page, "bed-01")).to_contain_text("!!! asystole", timeout=20_000)
            await tile(first, "bed-01").get_by_role("button", name="Acknowledge").click()
            await tile(first, "bed-01").get_by_role("button", name="Acknowledge").click()
            await expect(tile(second, "bed-01").locator("header")).to_contain_text("clinician")


@pytest.mark.spec("STATION-1")
async def test_a_frozen_server_is_not_monitoring_within_six_seconds(house, browser):
    async with device(house) as one, page_of(house, browser) as page:
        await expect(age(page, one.bed)).to_have_text("now", timeout=10_000)
        house.freeze()
        frozen = time.monotonic()
        await expect(page.get_by_text("NOT MONITORING").first).to_be_visible(timeout=10_000)
        took_s = time.monotonic() - frozen
        print(f"NOT MONITORING after {took_s:.1f} s")
        assert 4 <= took_s <= 6
        await expect(tile(page, one.bed)).to_have_count(0)
        house.thaw()
        await expect(age(page, one.bed)).to_have_text("now", timeout=15_000)


@pytest.mark.spec("STATION-92")
async def test_a_server_that_is_started_again_is_watched_again_by_itself(house, browser):
    # Chromium says by itself that nobody listens; the page has no say in it.
    house.expected = ("net::ERR_CONNECTION_REFUSED",)
    async with page_of(house, browser) as page:
        async with device(house) as one:
            await expect(age(page, one.bed)).to_have_text("now", timeout=10_000)
        house.server.kill()
        await expect(page.get_by_text("NOT MONITORING").first).to_be_visible(timeout=10_000)
        with rpm_service(*house.serve) as again:
            await asyncio.to_thread(again.wait_for, "sign in")
            async with device(house) as one:
                await expect(age(page, one.bed)).to_have_text("now", timeout=20_000)
                await expect(page.get_by_text("NOT MONITORING")).to_have_count(0)


async def hide(page: Page) -> CDPSession:
    """Puts the page to sleep as a browser does with a tab that nobody looks at."""
    cdp = await page.context.new_cdp_session(page)
    await cdp.send("Page.setWebLifecycleState", {"state": "frozen"})
    return cdp


@pytest.mark.spec("STATION-82")
@pytest.mark.timeout(150)
async def test_a_tab_that_was_hidden_for_a_minute_is_right_at_once(ward, browser):
    async with device(ward) as one, page_of(ward, browser) as page:
        await expect(age(page, one.bed)).to_have_text("now", timeout=10_000)
        cdp = await hide(page)
        one.stand_still()
        await asyncio.sleep(HIDDEN_S)
        await cdp.send("Page.setWebLifecycleState", {"state": "active"})
        await expect(tile(page, one.bed)).to_contain_text("!!! asystole", timeout=2000)
        await expect(
            tile(page, one.bed).get_by_role("group", name="HR").locator(".value")
        ).to_have_text("0")


@pytest.mark.spec("STATION-93")
async def test_a_page_whose_timers_stand_still_says_that_it_does_not_monitor(house, browser):
    # Where the page's own timers are slowed down, as in a hidden tab, the worker's go on.
    slow = "window.setInterval = () => 0;"
    async with device(house) as one, page_of(house, browser, script=slow) as page:
        await expect(age(page, one.bed)).to_have_text("now", timeout=10_000)
        house.freeze()
        await expect(page.get_by_text("NOT MONITORING").first).to_be_visible(timeout=7000)
        await expect(page).to_have_title("NOT MONITORING")
        house.thaw()
        await expect(age(page, one.bed)).to_have_text("now", timeout=15_000)


@asynccontextmanager
async def in_between(house, browser, change):
    """A page with somebody on the way who changes each frame of the server."""

    async def route(page: Page) -> None:
        def meet(socket: WebSocketRoute) -> None:
            server = socket.connect_to_server()
            server.on_message(lambda frame: [socket.send(each) for each in change(frame)])

        await page.route_web_socket("**/v1/watch", meet)

    async with page_of(house, browser, prepare=route) as page:
        yield page


@pytest.mark.spec("STATION-85")
async def test_a_malformed_frame_shows_nothing_and_the_next_connection_does(ward, browser):
    torn = [True]

    def change(frame):
        return [b"\x0a\xff\xff" if torn[0] else frame]

    async with device(ward) as one, in_between(ward, browser, change) as page:
        await expect(page.get_by_text("NOT MONITORING").first).to_be_visible(timeout=10_000)
        await expect(tile(page, one.bed)).to_have_count(0)
        torn[0] = False
        await expect(age(page, one.bed)).to_have_text("now", timeout=10_000)


def older(frame: bytes) -> list[bytes]:
    """What a server says that knows nothing of what came after the first contract, and, after
    it, what one says that is newer than this page."""
    told = WatchResponse.FromString(frame)
    for part in (told.snapshot, told.delta):
        for bed in part.beds:
            for name in ("inactivations", "covered", "early_warning"):
                bed.ClearField(name)
            for metric in bed.metrics:
                metric.ClearField("override")
        for numerics in part.numerics:
            numerics.ClearField("pending")
    unknown_frame = b"\x7a\x02\x08\x01"
    if not told.WhichOneof("frame"):
        return [frame]
    return [told.SerializeToString(), unknown_frame]


@pytest.mark.spec("STATION-86")
async def test_a_server_of_another_minor_version_is_watched(ward, browser):
    async with device(ward) as one, in_between(ward, browser, older) as page:
        await expect(age(page, one.bed)).to_have_text("now", timeout=10_000)
        one.stand_still()
        await expect(tile(page, one.bed)).to_contain_text("!!! asystole")
        await asyncio.sleep(6)
        await expect(age(page, one.bed)).to_have_text("now")


def users(house, *arguments: str, password: str = "") -> None:
    subprocess.run(
        [sys.executable, "-m", "rpm_service", "users", *arguments, "--data", str(house.data)],
        input=password,
        text=True,
        check=True,
        cwd=ROOT,
        capture_output=True,
        timeout=30,
    )


@pytest.mark.spec("STATION-87")
async def test_a_right_that_is_lost_takes_the_bed_from_the_page_within_a_second(ward, browser):
    password = "a right that is lost"
    users(ward, "add", "kim", password=password)
    # The form is what a stranger gets in place of the page.
    ward.expected = ("401 (Unauthorized)",)
    async with device(ward) as one, page_of(ward, browser, link=ward.page) as page:
        await page.get_by_label("Name").fill("kim")
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Sign in").click()
        await expect(age(page, one.bed)).to_have_text("now", timeout=10_000)
        gone = asyncio.create_task(page.evaluate(NOTE_WHEN_SHOWN, [".gone", one.bed]))
        users(ward, "set", "kim", "--unit", "another")
        changed = (ward.data / "users.json").stat().st_mtime
        took_s = await gone - changed
        print(f"gone {1000 * took_s:.0f} ms after the account changed")
        assert took_s <= 1
        await expect(tile(page, one.bed)).to_have_count(0)


@pytest.mark.spec("STATION-9")
async def test_a_session_that_ends_is_said_and_nothing_is_shown(ward, browser):
    ward.expected = ("401 (Unauthorized)",)
    async with device(ward) as one, page_of(ward, browser) as page:
        await expect(age(page, one.bed)).to_have_text("now", timeout=10_000)
        await page.evaluate("fetch('/sign-out', {method: 'POST'})")
        await expect(page.get_by_text("You are signed out")).to_be_visible()
        await expect(tile(page, one.bed)).to_have_count(0)


@pytest.mark.spec("STATION-94")
async def test_the_first_tile_is_there_within_two_seconds_of_opening(ward, browser):
    async with device(ward) as one, page_of(ward, browser) as page:
        await expect(age(page, one.bed)).to_have_text("now", timeout=10_000)
        opening = time.monotonic()
        await page.goto(ward.page)
        await expect(page.locator(".tile").first).to_be_visible()
        took_s = time.monotonic() - opening
        print(f"first tile after {took_s:.2f} s")
        assert took_s <= 2
