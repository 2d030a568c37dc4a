"""A person with nothing but a keyboard: walks from control to control, and sees where they are."""

from typing import Any, Final

from playwright.async_api import Locator, Page, expect

STEPS_MAX: Final = 200
"""So many times Tab is pressed before something counts as out of reach."""
OPTIONS_MAX: Final = 40

LOOK = """
() => {
  const focus = document.activeElement;
  if (focus === null || focus === document.body) return null;
  window.toReach?.delete(focus);
  const {left, top, right, bottom} = focus.getBoundingClientRect();
  const [x1, x2] = [Math.max(left, 0), Math.min(right, innerWidth)];
  const [y1, y2] = [Math.max(top, 0), Math.min(bottom, innerHeight)];
  const parts = [0.5, 0.1, 0.9];
  const inView = x1 < x2 && y1 < y2 && parts.some((x) => parts.some((y) => focus.contains(
    document.elementFromPoint(x1 + x * (x2 - x1), y1 + y * (y2 - y1)))));
  const {outlineStyle, outlineWidth} = getComputedStyle(focus);
  const marked = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  return {inView, marked, what: focus.outerHTML.slice(0, 160)};
}
"""
"""What has the focus: whether it can be seen, uncovered and marked; null where nothing has it."""

LIST = """
() => {
  window.toReach = new Set(document.querySelectorAll(
    "a[href], button, input, select, summary, [tabindex]"));
}
"""
LEFT = """
() => [...window.toReach]
  .filter((each) => each.isConnected && each.tabIndex >= 0)
  .filter((each) => !each.matches(":disabled") && each.checkVisibility())
  .map((each) => each.outerHTML.slice(0, 160))
"""
"""What of the page's controls, as they were listed, a keyboard has to reach yet."""


class Keyboard:
    """Presses keys, and nothing else; the focus is seen after each step of Tab."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def type(self, text: str) -> None:
        """Writes into what has the focus, in the place of what stands there."""
        await self.press("Control+a")
        await self.page.keyboard.type(text)

    async def step(self, key: str = "Tab") -> dict[str, Any] | None:
        """One step; what has the focus then is in view and marked, or it is the browser's turn."""
        await self.press(key)
        focus: dict[str, Any] | None = await self.page.evaluate(LOOK)
        if focus is not None:
            assert focus["inView"], f"out of view or covered: {focus['what']}"
            assert focus["marked"], f"not marked: {focus['what']}"
        return focus

    async def to(self, target: Locator, key: str = "Tab") -> None:
        """Goes on by one key until the target has the focus."""
        await expect(target).to_be_visible()
        # What answers an act comes and goes: the one to reach is that of now, at each step.
        for _ in range(STEPS_MAX):
            if await target.evaluate("(each) => each === document.activeElement"):
                return
            await self.step(key)
        raise AssertionError(f"{key} does not lead to {target}")

    async def press_at(self, target: Locator, *keys: str) -> None:
        """Goes there and presses Enter, or other keys; the focus is not lost by it."""
        await self.to(target)
        await self.press(*(keys or ("Enter",)))
        await self.is_somewhere()

    async def is_somewhere(self) -> None:
        """Something has the focus."""
        await expect(self.page.locator(":focus")).to_have_count(1)

    async def fill(self, target: Locator, text: str) -> None:
        await self.to(target)
        await self.type(text)

    async def choose(self, target: Locator, option: str) -> None:
        """Goes through the options of a list until one says `option`."""
        await self.to(target)
        await self.press("Home")
        for _ in range(OPTIONS_MAX):
            chosen = await target.evaluate("(each) => each.selectedOptions[0].text.trim()")
            if chosen == option:
                return
            await self.press("ArrowDown")
        raise AssertionError(f"no option {option!r} in {target}")

    async def tab(self, name: str) -> None:
        """Opens a part of a bed's page: along the tabs by the arrow keys."""
        await self.to(self.page.get_by_role("tab", selected=True))
        await self.to(self.page.get_by_role("tab", name=name, exact=True), "ArrowRight")
        await expect(self.page.get_by_role("tabpanel", name=name)).to_be_visible()

    async def round(self, key: str = "Tab") -> None:
        """Goes round the whole page: every control is reached, and the way leads out again."""
        await self.page.evaluate(LIST)
        out = 0
        for _ in range(2 * STEPS_MAX):
            if await self.step(key) is None:
                out += 1
            # Twice: the round began in the middle.
            if out == 2:
                break
        assert out == 2, "the keyboard is caught in the page"
        assert await self.page.evaluate(LEFT) == []
