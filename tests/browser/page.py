"""A page as a clinician has it before them, and what they look at and press there."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, WebSocket, expect

from rpm_service.v1.monitoring_pb2 import WatchRequest, WatchResponse

if TYPE_CHECKING:
    from tests.browser.conftest import House

SIZE = {"width": 1600, "height": 900}

NOTE_WHEN_SHOWN = """
([where, text]) => {
  window.noted = new Promise((done) => {
    const look = () => {
      const said = document.querySelector(where)?.innerText ?? "";
      if (said.includes(text)) done(Date.now() / 1000);
    };
    new MutationObserver(look).observe(
      document, {subtree: true, childList: true, characterData: true});
    look();
  });
}
"""
NOTE_FIRST_TILE = """
window.firstTile = new Promise((done) => {
  new MutationObserver((_, watch) => {
    if (document.querySelector(".tile") === null) return;
    watch.disconnect();
    done(performance.now() / 1000);
  }).observe(document, {subtree: true, childList: true});
});
"""
"""Seconds from the page's opening to its first tile, by its own clock."""


@asynccontextmanager
async def page_of(
    house: "House",
    browser: Browser,
    *,
    link: str | None = None,
    script: str | None = None,
    prepare: Callable[[Page], Awaitable[None]] | None = None,
    sent: list[WatchRequest] | None = None,
    heard: list[WatchResponse] | None = None,
    errors: tuple[str, ...] = (),
) -> AsyncIterator[Page]:
    """A page that is signed in, unless it goes to another `link`.

    `script` runs before it, and `prepare` is given it while it is empty. What it sends to the
    server is added to `sent`, and what it hears to `heard`. An error at its console fails the
    test, unless it is one of `errors`, as parts of them: those that chromium tells by itself.
    """
    context = await browser.new_context(ignore_https_errors=True, viewport=SIZE)
    page = await context.new_page()
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    def follow(socket: WebSocket) -> None:
        if sent is not None:
            socket.on("framesent", lambda data: sent.append(WatchRequest.FromString(data)))
        if heard is not None:
            socket.on("framereceived", lambda data: heard.append(WatchResponse.FromString(data)))

    # Of every page that is opened beside it too.
    context.on("weberror", lambda failed: complaints.append(str(failed.error)))
    context.on("console", listen)
    page.on("websocket", follow)
    try:
        if script is not None:
            await page.add_init_script(script)
        if prepare is not None:
            await prepare(page)
        await page.goto(house.link() if link is None else link)
        yield page
        unexpected = [each for each in complaints if not any(part in each for part in errors)]
        assert unexpected == [], unexpected
    finally:
        await context.close()


async def noting(page: Page, where: str, text: str) -> Callable[[], Awaitable[float]]:
    """Has the page note when a part of it first says something; gives who tells that.

    By the wall clock, which page, devices and tests share here. The page is not asked over and
    over: how soon it answers depends on what else the machine does.
    """
    await page.evaluate(NOTE_WHEN_SHOWN, [where, text])
    return lambda: page.evaluate("window.noted")


async def everywhere(page: Page, house: "House", bed: str) -> list[Page]:
    """The page of a bed, that of all alarms and that of their burden, beside the ward's."""
    pages = [page]
    for where in (f"bed/{bed}", "alarms", "burden"):
        other = await page.context.new_page()
        await other.goto(f"{house.page}/#/{where}")
        await expect(other.locator("main")).to_contain_text(bed)
        pages.append(other)
    return pages


def tile(page: Page, bed: str) -> Locator:
    return page.locator(f"[data-bed={bed}]")


def number(place: Locator, name: str) -> Locator:
    """A numeric by its name, in a tile or at a bed's own page."""
    return place.get_by_role("group", name=name, exact=True)


def age(page: Page, bed: str) -> Locator:
    """How old the heart rate of a bed is."""
    return number(tile(page, bed), "HR").locator(".age")


async def turn_sound_on(page: Page) -> None:
    """A person hears the test out, and says that they heard it."""
    await page.get_by_role("button", name="Turn sound on").click()
    await page.get_by_role("button", name="I heard all three").click()


async def acknowledge(place: Locator) -> None:
    """The first press names what will be silent, the second does it."""
    button = place.get_by_role("button", name="Acknowledge")
    await button.click()
    await button.click()


async def evidence_is_kept(page: Page, alarm: str) -> None:
    """What was measured around an alarm is stored later than the alarm."""
    item = page.locator(f"[data-occurrence][aria-label='{alarm}']")
    occurrence = await item.get_attribute("data-occurrence")
    here = page.url.partition("#")[0].rstrip("/")
    address = f"{here}/v1/alarms/{occurrence}/evidence"
    while (await page.request.get(address)).status != 200:
        await page.wait_for_timeout(500)
