"""axe-core on every page as it is drawn: colours, sizes, names, roles."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.page import page_of, tile

pytestmark = [pytest.mark.browser, pytest.mark.system]

AXE = Path(__file__).parents[2] / "clinician_ui/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE = {"width": 1600, "height": 900}
PHONE = {"width": 390, "height": 844}
TARGET_PX = 44


@pytest.fixture
def axe() -> str:
    if not AXE.exists():
        pytest.skip("there is no axe-core: run `npm ci` in clinician_ui")
    return AXE.read_text()


async def objections(page: Page, axe: str) -> list[str]:
    # The page's policy lets nothing in; what Playwright evaluates is not the page's.
    await page.evaluate(axe)
    found = await page.evaluate(
        "(tags) => axe.run(document, {runOnly: tags, rules: {'target-size': {enabled: true}}})",
        RULES,
    )
    return [
        f"{each['id']}: {node['html']}: {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


async def go(page: Page, fragment: str) -> None:
    await page.evaluate("(to) => { location.hash = to; }", fragment)
    await expect(page.locator("main")).to_be_visible()


@pytest.mark.spec("STATION-59")
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_axe_finds_nothing_on_any_page(ward, hearts, browser, axe, size):
    bed = next(hearts)
    async with page_of(ward, browser) as page:
        await page.set_viewport_size(size)
        await expect(tile(page, bed)).to_contain_text("!!! asystole", timeout=20_000)
        for fragment in ("#/", f"#/bed/{bed}", "#/alarms", "#/burden"):
            await go(page, fragment)
            await page.keyboard.press("a")
            assert await objections(page, axe) == [], fragment
            await page.keyboard.press("Escape")
        await go(page, "#/alarms")
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog")).to_be_visible()
        assert await objections(page, axe) == []


@pytest.mark.spec("STATION-59")
async def test_axe_finds_nothing_where_people_sign_in(ward, browser, axe):
    unknown = ("401 (Unauthorized)",)
    async with page_of(ward, browser, link=ward.page, errors=unknown) as page:
        assert await objections(page, axe) == []


@pytest.mark.spec("STATION-59")
async def test_axe_finds_nothing_where_nothing_is_monitored(house, browser, axe):
    async with page_of(house, browser) as page:
        await expect(page.get_by_text("LIVE")).to_be_visible()
        house.freeze()
        await expect(page.get_by_text("NOT MONITORING").first).to_be_visible(timeout=10_000)
        for size in (WIDE, PHONE):
            await page.set_viewport_size(size)
            assert await objections(page, axe) == []


@pytest.mark.spec("STATION-60")
async def test_the_alarms_are_read_and_answered_on_a_phone(ward, hearts, browser):
    bed = next(hearts)
    async with page_of(ward, browser) as page:
        await page.set_viewport_size(PHONE)
        await expect(tile(page, bed)).to_be_visible()
        await go(page, "#/alarms")
        item = page.get_by_role("listitem").filter(has_text=f"!!! {bed} asystole")
        await expect(item).to_be_visible(timeout=20_000)
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        sizes = await page.evaluate(
            """() => [...document.querySelectorAll("main button, main select, main input, "
                + ".banner a, header a, header button")]
                .filter((each) => each.getClientRects().length > 0)
                .map((each) => [each.textContent, each.getBoundingClientRect()])
                .map(([text, {width, height}]) => [text.trim(), width, height])"""
        )
        small = [each for each in sizes if min(each[1:]) < TARGET_PX]
        assert sizes
        assert small == []
        before = await item.get_by_role("button", name="Acknowledge").bounding_box()
        await item.get_by_role("button", name="Acknowledge").click()
        again = item.get_by_role("button", name="Press again")
        assert await again.bounding_box() == before
        await again.click()
        await expect(item).to_contain_text("acknowledged by clinician")


@pytest.mark.spec("STATION-55")
async def test_every_act_on_an_alarm_is_reached_by_the_keyboard_alone(ward, hearts, browser):
    async with page_of(ward, browser) as page:
        await expect(page.get_by_text("!!! asystole").first).to_be_visible(timeout=20_000)
        alarms = page.locator(".alarms")
        await page.keyboard.press("ArrowRight")
        for keys, said in (
            ("c", "clinician cannot go"),
            ("g", "clinician is going"),
            ("aa", "acknowledged by clinician"),
            ("pp", "sound paused"),
        ):
            for key in keys:
                await page.keyboard.press(key)
            await expect(alarms).to_contain_text(said)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("region", name="Bed ")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator(".tile").first).to_be_visible()


PARTS = ("Signals", "Alarms", "Limits", "NEWS2", "Patient", "Device", "Trends")


@pytest.mark.spec("STATION-59")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_axe_finds_nothing_in_either_theme_at_any_part_of_a_bed(
    ward, hearts, browser, axe, theme
):
    bed = next(hearts)
    async with page_of(ward, browser) as page:
        await page.emulate_media(color_scheme=theme)
        await expect(tile(page, bed)).to_contain_text("!!! asystole", timeout=20_000)
        await expect(page.locator("html")).to_have_attribute("data-theme", theme)
        await go(page, f"#/bed/{bed}")
        for part in PARTS:
            await page.get_by_role("tab", name=part, exact=True).click()
            await expect(page.get_by_role("tabpanel", name=part)).not_to_contain_text("Reading")
            assert await objections(page, axe) == [], part
        await page.get_by_role("button", name="As a table").click()
        await expect(page.get_by_role("region", name="Trends as a table")).to_be_visible()
        for fragment in ("#/", "#/alarms", "#/burden"):
            await go(page, fragment)
            assert await objections(page, axe) == [], fragment
