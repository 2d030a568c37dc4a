"""Where the ward's tiles stand, measured in the page itself."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from tests.browser.beds import simulated
from tests.browser.page import page_of, turn_sound_on

pytestmark = [pytest.mark.browser, pytest.mark.system]

PLACES = """
() => Object.fromEntries(
  [...document.querySelectorAll(".tile")].flatMap((tile) =>
    [tile, ...tile.querySelectorAll("header, .waves, footer, .numeric, .value")].map((part, i) => {
      const { x, y, width, height } = part.getBoundingClientRect();
      return [`${tile.dataset.bed} ${i} ${part.classList[0] ?? ""}`, [x, y, width, height]];
    })))
"""
"""Boxes of the tiles, and of what stands in them, in CSS pixels."""


async def places(page: Page) -> dict[str, list[float]]:
    return dict(await page.evaluate(PLACES))


@pytest.fixture(scope="module")
def four(second) -> Iterator[list[str]]:
    """Beds whose hearts stop a few seconds after: the first test here is there in time."""
    with simulated(second, "four", beds=4, scenario="asystole") as names:
        yield names


@pytest.mark.spec("STATION-39")
async def test_nothing_moves_when_an_alarm_comes(house, four, browser):
    async with page_of(house, browser) as page:
        tiles = page.locator("[data-bed^=four]")
        await expect(tiles).to_have_count(4)
        cuffs = tiles.get_by_role("group", name="NIBP").locator(".value:not(.absent)")
        await expect(cuffs).to_have_count(4)
        await expect(page.locator(".tile.high")).to_have_count(0)
        before = await places(page)
        await expect(page.locator(".tile.high.on").first).to_be_visible()
        after = await places(page)
        assert len(before) > 4 * 10
        assert after.keys() == before.keys()
        for part, box in after.items():
            assert box == pytest.approx(before[part], abs=0.5), part


@pytest.mark.spec("STATION-38")
async def test_on_a_phone_the_beds_stand_in_one_column_and_the_highest_alarm_stays(
    house, four, browser
):
    async with page_of(house, browser) as page:
        await page.set_viewport_size({"width": 390, "height": 844})
        await expect(page.locator(".tile.high.on").first).to_be_visible()
        boxes = [box for name, box in (await places(page)).items() if " 0 tile" in name]
        assert len(boxes) >= 4
        assert {x for x, *_ in boxes} == {boxes[0][0]}
        assert [y for _, y, *_ in boxes] == sorted({y for _, y, *_ in boxes})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        calls = await page.locator(".tile").evaluate_all(
            "(tiles) => tiles.map((tile) => tile.matches('.high.on'))"
        )
        assert calls == sorted(calls, reverse=True)
        await page.locator(".tile").last.scroll_into_view_if_needed()
        await page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        banner = await page.locator(".banner").bounding_box()
        assert banner is not None
        assert banner["y"] >= 0
        assert banner["y"] + banner["height"] < 844


WIDTHS = (320, 390, 640, 641, 768, 960, 961, 1024, 1180, 1280, 1344, 1345, 1920, 3840)
SIDEWAYS = """
() => [document.documentElement, document.querySelector("main")]
  .filter((part) => part.scrollWidth > part.clientWidth)
  .map((part) => [part.tagName, part.scrollWidth - part.clientWidth])
"""
"""What is wider than its place, and by how many CSS pixels."""

SAID = """
(tile, [whole, brief, width, height]) => {
  tile.style.width = `${width}px`;
  tile.style.height = `${height}px`;
  tile.querySelector(".state strong").style.setProperty("--letters", whole.length);
  const parts = { whole, brief };
  return Object.entries(parts).flatMap(([name, text]) => {
    const part = tile.querySelector(`.state .${name}`);
    part.textContent = text;
    return part.clientWidth > 0 ? [[text, part.scrollWidth - part.clientWidth]] : [];
  });
}
"""
"""What of an alarm is to be seen in a tile of that size, and how much of it is cut off."""


@pytest.mark.spec("STATION-98")
@pytest.mark.timeout(120)
async def test_no_page_scrolls_sideways(house, four, browser):
    async with page_of(house, browser) as page:
        await expect(page.locator("[data-bed^=four]")).to_have_count(4, timeout=20_000)
        await turn_sound_on(page)
        for fragment in ("#/", f"#/bed/{four[0]}", "#/alarms", "#/burden"):
            await page.evaluate("(to) => { location.hash = to; }", fragment)
            await expect(page.locator("main")).to_be_visible()
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 820})
                assert await page.evaluate(SIDEWAYS) == [], f"{fragment} at {width}"


@pytest.mark.spec("STATION-97")
async def test_what_is_wrong_is_in_no_tile_cut_off(house, four, browser):
    whole, brief = "!! SpO₂ signal invalid", "!! SpO₂ bad"
    async with page_of(house, browser) as page:
        tile = page.locator(".tile.high.on").first
        await expect(tile).to_contain_text("!!! asystole", timeout=30_000)
        seen = []
        for width in range(104, 720, 12):
            said = await tile.evaluate(SAID, [whole, brief, width, 84])
            assert [cut for _, cut in said] == [0], (width, said)
            seen.append(said[0][0])
        assert (seen[0], seen[-1]) == (brief, whole)
