"""axe-core on every page as it is drawn: colours, sizes, names, roles.

It takes its time: of a page that was looked at whole, only what is new is looked at again.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from rpm_service.adapters.web import accounts_file, passwords
from rpm_service.adapters.web.accounts_file import Account
from rpm_service.application.access import Part
from tests.browser.beds import simulated
from tests.browser.conftest import PATIENCE_S, House, started
from tests.browser.keyboard import Keyboard
from tests.browser.page import evidence_is_kept, page_of, tile

pytestmark = [pytest.mark.browser, pytest.mark.system]

AXE = Path(__file__).parents[2] / "clinician_ui/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
WIDE = {"width": 1600, "height": 900}
PHONE = {"width": 390, "height": 844}
TARGET_PX = 44
THEMES = ("dark", "light")
SECRET = "a display on a wall"

SIZES = """
() => [...document.querySelectorAll("button:not(.skip), select, input, summary, a[href]")]
  .filter((each) => each.checkVisibility() && each.getClientRects().length > 0)
  .map((each) => [each.outerHTML.slice(0, 160), each.getBoundingClientRect()])
  .map(([what, {width, height}]) => [what, width, height])
"""
"""How large what is tapped is, in CSS pixels."""


WITHIN_ITEM = """
(button) => {
  const item = button.closest("li").getBoundingClientRect();
  const {x, y, width, height} = button.getBoundingClientRect();
  return [x - item.x, y - item.y, width, height].map(Math.round);
}
"""
"""Where a button is in its item of a list."""


@pytest.fixture
def axe() -> str:
    if not AXE.exists():
        pytest.skip("there is no axe-core: run `npm ci` in clinician_ui")
    return AXE.read_text()


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A ward of three beds, in two of which hearts stop: more of them say nothing new to axe."""
    with (
        started(tmp_path_factory.mktemp("few")) as house,
        simulated(house, "ill", beds=2, scenario="asystole"),
        simulated(house, "well"),
    ):
        yield house


async def objections(
    page: Page, axe: str, within: str = "html", themes: tuple[str, ...] = THEMES
) -> list[str]:
    """What is wrong within a part of the page, in each theme; they differ in colours alone."""
    if await page.evaluate("window.axe === undefined"):
        # The page's policy lets nothing in; what Playwright evaluates is not the page's.
        await page.evaluate(axe)
    said = []
    for theme in themes:
        await page.emulate_media(color_scheme=theme)
        if await page.locator("html[data-theme]").count() > 0:
            await expect(page.locator("html")).to_have_attribute("data-theme", theme)
        rules = {"runOnly": RULES, "rules": {"target-size": {"enabled": True}}}
        asked = rules if theme == themes[0] else {"runOnly": COLOURS}
        found = await page.evaluate("([within, asked]) => axe.run(within, asked)", [within, asked])
        assert found["passes"], f"nothing is within {within}"
        said += [
            f"{theme}: {each['id']}: {node['html']}: {node['failureSummary']}"
            for each in found["violations"]
            for node in each["nodes"]
        ]
    return said


async def go(page: Page, fragment: str) -> None:
    await page.evaluate("(to) => { location.hash = to; }", fragment)
    await expect(page.locator("main")).to_be_visible()


async def open_part(page: Page, part: str) -> None:
    """Of a bed's page."""
    await page.get_by_role("tab", name=part, exact=True).click()
    await expect(page.get_by_role("tabpanel", name=part)).not_to_contain_text("Reading")


async def admit(page: Page, bed: str) -> None:
    """Somebody, at the part of the page that does."""
    await page.get_by_label("Identifier, not a name").fill(f"of-{bed}")
    await page.get_by_role("combobox", name="Age").select_option("adult")
    await page.get_by_label("Unit").fill("East")
    await page.get_by_role("button", name="Admit").click()
    await expect(page.get_by_role("button", name="Transfer …")).to_be_visible()


@pytest.mark.spec("STATION-59")
@pytest.mark.parametrize(
    ("size", "themes"), [(WIDE, THEMES), (PHONE, ("dark",))], ids=["wide", "phone"]
)
async def test_axe_finds_nothing_on_any_page(few, browser, axe, size, themes):
    bed = "ill-01"
    async with page_of(few, browser) as page:
        await page.set_viewport_size(size)
        await expect(tile(page, bed)).to_contain_text("!!! asystole")
        for theme in THEMES:
            await page.emulate_media(color_scheme=theme)
            await expect(page.locator("html")).to_have_attribute("data-theme", theme)
        for fragment in ("#/", f"#/bed/{bed}", "#/alarms", "#/burden"):
            await go(page, fragment)
            await page.keyboard.press("a")
            assert await objections(page, axe, themes=themes) == [], fragment
            await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog")).to_be_visible()
        assert await objections(page, axe, "dialog", themes) == []


@pytest.mark.spec("STATION-59")
async def test_axe_finds_nothing_at_any_part_of_a_bed(ward, hearts, browser, axe):
    bed = next(hearts)
    async with page_of(ward, browser) as page:
        await expect(tile(page, bed)).to_contain_text("!!! asystole")
        await evidence_is_kept(page, f"{bed} asystole")
        await go(page, f"#/bed/{bed}")
        for part in ("Signals", "NEWS2", "Device"):
            await open_part(page, part)
            assert await objections(page, axe, ".part") == [], part
        await open_part(page, "Alarms")
        await page.get_by_role("button", name="Evidence asystole").click()
        await expect(page.locator(".calipers")).to_be_visible()
        assert await objections(page, axe, ".part") == [], "evidence"
        await open_part(page, "Trends")
        await expect(page.locator(".u-over").first).to_be_visible()
        await page.get_by_role("button", name="As a table").click()
        await expect(page.get_by_role("region", name="Trends as a table")).to_be_visible()
        assert await objections(page, axe, ".part") == [], "trends"
        await open_part(page, "Patient")
        assert await objections(page, axe, ".part") == [], "nobody is admitted"
        await admit(page, bed)
        await page.get_by_role("button", name="Discharge …").click()
        await expect(page.get_by_role("button", name="Discharge now")).to_be_visible()
        assert await objections(page, axe, ".part") == [], "discharge"
        await open_part(page, "Limits")
        await page.get_by_role("button", name="Change HR").click()
        await expect(page.get_by_role("form", name="Limits of HR")).to_be_visible()
        assert await objections(page, axe, ".part") == [], "limits"


@pytest.mark.spec("STATION-59")
async def test_axe_finds_nothing_where_a_limit_was_tried(ward, calm_bed, browser, axe):
    async with page_of(ward, browser) as page:
        await expect(tile(page, calm_bed)).to_be_visible()
        await go(page, "#/burden")
        await page.get_by_label("below", exact=True).fill("89")
        await page.get_by_role("button", name="Try it").click()
        await expect(page.get_by_text("SpO₂ 89: ")).to_be_visible()
        assert await objections(page, axe, "main") == []
        await page.set_viewport_size(PHONE)
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert await page.locator("main").evaluate("(main) => main.scrollWidth") <= PHONE["width"]


@pytest.mark.spec("STATION-59")
async def test_axe_finds_nothing_where_a_wall_display_signs_in_and_looks(
    ward, hearts, browser, axe
):
    bed = next(hearts)
    wall = Account("wall", passwords.hashed(SECRET), Part.WALL)
    accounts_file.change(ward.data, lambda known: known.update(wall=wall))
    errors = ("401 (Unauthorized)", "403 (Forbidden)")
    async with page_of(ward, browser, link=ward.page, errors=errors) as page:
        async with asyncio.timeout(PATIENCE_S):
            # The server takes an account in after a moment.
            while await page.get_by_label("Name").count() == 0:
                await page.reload()
        assert await objections(page, axe) == []
        for secret in ("a wrong password", SECRET):
            await page.get_by_label("Name").fill("wall")
            await page.get_by_label("Password").fill(secret)
            await page.get_by_role("button", name="Sign in").click()
            if secret != SECRET:
                await expect(page.get_by_role("alert")).to_be_visible()
                assert await objections(page, axe) == [], "refused"
        await expect(tile(page, bed)).to_contain_text("!!! asystole")
        await expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
        assert await objections(page, axe) == [], "wall"
        await go(page, f"#/bed/{bed}")
        await expect(page.get_by_role("tabpanel")).to_be_visible()
        assert await objections(page, axe, "main") == [], "bed"


@pytest.mark.spec("STATION-59")
async def test_axe_finds_nothing_where_the_session_is_locked(ward, calm_bed, browser, axe):
    async def lock(route: Route) -> None:
        answer = await route.fetch()
        known = {**await answer.json(), "locked": True, "unlocks_by": "password"}
        await route.fulfill(response=answer, json=known)

    async with page_of(
        ward, browser, prepare=lambda page: page.route("**/v1/session", lock)
    ) as page:
        await page.locator("button.locked").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        assert await objections(page, axe, "dialog") == []
        assert await objections(page, axe, ".bar") == []


@pytest.mark.spec("STATION-59")
async def test_axe_finds_nothing_where_nothing_is_monitored(house, browser, axe):
    async with page_of(house, browser) as page:
        await expect(page.get_by_text("LIVE")).to_be_visible()
        house.freeze()
        await expect(page.get_by_text("NOT MONITORING").first).to_be_visible()
        for size in (WIDE, PHONE):
            await page.set_viewport_size(size)
            assert await objections(page, axe) == []


async def fits_a_phone(page: Page) -> None:
    """Nothing is wider than the screen, and nothing that is tapped smaller than a finger."""
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    sizes = await page.evaluate(SIZES)
    assert sizes
    assert [each for each in sizes if min(each[1:]) < TARGET_PX] == []


@pytest.mark.spec("STATION-60")
async def test_the_alarms_are_read_and_answered_on_a_phone(ward, hearts, browser):
    bed = next(hearts)
    async with page_of(ward, browser) as page:
        await page.set_viewport_size(PHONE)
        await expect(tile(page, bed)).to_be_visible()
        await fits_a_phone(page)
        await go(page, "#/alarms")
        item = page.get_by_role("listitem").filter(has_text=f"!!! {bed} asystole")
        await expect(item).to_be_visible()
        await fits_a_phone(page)
        # Other alarms may come meanwhile.
        before = await item.get_by_role("button", name="Acknowledge").evaluate(WITHIN_ITEM)
        await item.get_by_role("button", name="Acknowledge").click()
        again = item.get_by_role("button", name="Press again")
        assert await again.evaluate(WITHIN_ITEM) == before
        await again.click()
        await expect(item).to_contain_text("acknowledged by clinician")


@pytest.mark.spec("STATION-60")
@pytest.mark.spec("STATION-99")
async def test_a_bed_is_seen_beside_its_alarms_on_a_phone(ward, hearts, browser):
    bed = next(hearts)
    async with page_of(ward, browser) as page:
        await page.set_viewport_size(PHONE)
        await expect(tile(page, bed)).to_contain_text("!!! asystole")
        await go(page, f"#/bed/{bed}")
        for part in ("Trends", "Signals", "Alarms", "NEWS2", "Device", "Patient"):
            await open_part(page, part)
            await fits_a_phone(page)
        await admit(page, bed)
        await fits_a_phone(page)
        await open_part(page, "Limits")
        await page.get_by_role("button", name="Change HR").click()
        await fits_a_phone(page)
        for to in ("0", "document.body.scrollHeight"):
            await page.evaluate(f"window.scrollTo(0, {to})")
            banner = await page.locator(".banner").bounding_box()
            alarms = await page.locator(".alarms").bounding_box()
            assert banner is not None
            assert alarms is not None
            assert banner["y"] >= 0
            for lives in (".link", ".soundoff"):
                await expect(page.locator(lives)).to_be_in_viewport(ratio=1)
            assert alarms["height"] <= PHONE["height"] / 3
            assert alarms["y"] + alarms["height"] == pytest.approx(PHONE["height"], abs=1)
        await page.evaluate("document.querySelectorAll('.alarms li').forEach((li) => li.remove())")
        alarms = await page.locator(".alarms").bounding_box()
        assert alarms is not None
        assert alarms["height"] < 3 * TARGET_PX


@pytest.mark.spec("STATION-55")
async def test_every_act_on_an_alarm_is_reached_by_the_keyboard_alone(ward, hearts, browser):
    bed = next(hearts)
    async with page_of(ward, browser) as page:
        await expect(tile(page, bed)).to_contain_text("!!! asystole")
        alarms = page.locator(".alarms")
        await Keyboard(page).to(tile(page, bed), "ArrowRight")
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
