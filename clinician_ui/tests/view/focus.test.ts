// Where the keyboard goes on when what had the focus is gone.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { keepFocus, onEscape } from "../../src/view/focus";

let stop: () => void;

beforeEach(() => {
  document.body.innerHTML = `
    <main><form><ul><li tabindex="-1"><button id="act">act</button></li></ul></form></main>
    <aside><button id="beside">beside</button></aside>`;
  stop = keepFocus();
});

afterEach(() => {
  stop();
  document.body.innerHTML = "";
  vi.restoreAllMocks();
});

const find = (selector: string): HTMLElement => {
  const found = document.querySelector<HTMLElement>(selector);
  if (found === null) throw new Error(`no ${selector}`);
  return found;
};
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));
const focus = (): string | undefined => document.activeElement?.tagName;

describe("the focus is never lost [STATION-62]", () => {
  test("of what is gone it goes to what that stood in", async () => {
    find("#act").focus();
    find("#act").remove();
    await expect.poll(focus).toBe("LI");
  });

  test("of what cannot be used any more too", async () => {
    find("#act").focus();
    find("#act").setAttribute("disabled", "");
    await expect.poll(focus).toBe("LI");
  });

  test("where that is gone too it goes further out, and at last to the page", async () => {
    find("#act").focus();
    find("ul").remove();
    await expect.poll(focus).toBe("FORM");
    find("#beside").focus();
    find("aside").remove();
    await expect.poll(focus).toBe("MAIN");
  });

  test("what moved has it again", async () => {
    const act = find("#act");
    act.focus();
    find("main").append(find("li"));
    await expect.poll(() => document.activeElement).toBe(act);
  });

  test("who said where it goes is right", async () => {
    find("#act").focus();
    find("#act").remove();
    find("#beside").focus();
    await settled();
    expect(document.activeElement?.id).toBe("beside");
  });

  test("after a press beside everything, and in another window, nothing is lost", async () => {
    find("#act").focus();
    document.dispatchEvent(new Event("pointerdown"));
    find("#act").remove();
    await settled();
    expect(focus()).toBe("BODY");
    find("#beside").focus();
    vi.spyOn(document, "hasFocus").mockReturnValue(false);
    find("aside").remove();
    await settled();
    expect(focus()).toBe("BODY");
  });
});

test("Esc within leaves that, and the page does not hear of it", () => {
  const left = vi.fn();
  const form = find("form");
  const forget = onEscape(left)(form);
  const press = (key: string): boolean =>
    find("#act").dispatchEvent(
      new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
    );
  expect(press("a")).toBe(true);
  expect(press("Escape")).toBe(false);
  expect(left).toHaveBeenCalledOnce();
  forget();
  expect(press("Escape")).toBe(true);
});
