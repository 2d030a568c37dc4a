// The ward on a phone: what the browser cannot be asked for in a style sheet.

import { cleanup, screen } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { alarm, described } from "../support/frames";
import { Page } from "../support/page";

let page: Page;

function open(isPhone: boolean): void {
  const told = window.matchMedia.bind(window);
  vi.spyOn(window, "matchMedia").mockImplementation((query) => {
    const media = told(query);
    const matches = isPhone && query.includes("40rem");
    return new Proxy(media, {
      get: (of, name) => (name === "matches" ? matches : Reflect.get(of, name).bind?.(of)),
    });
  });
  page = new Page();
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  page.station.stop();
  cleanup();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function tiles(): (string | undefined)[] {
  return screen.getAllByRole("article").map((tile) => tile.dataset["bed"]);
}

const WARD = {
  beds: [described(), described({ number: 2, bed: "E-02" }), described({ number: 3, bed: "E-03" })],
  alarms: [alarm({ bed: "E-03" })],
};

test("the beds that alarm come first on a phone, whatever was chosen [STATION-38]", async () => {
  open(true);
  await page.show(WARD);
  expect(tiles()).toEqual(["E-03", "E-01", "E-02"]);
});

test("and stay in their places on anything larger", async () => {
  open(false);
  await page.show(WARD);
  expect(tiles()).toEqual(["E-01", "E-02", "E-03"]);
});
