// A bed that the page may not, or cannot, show any more.

import { screen } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { words } from "../../src/words";
import { alarm, described } from "../support/frames";
import { listed, Page } from "../support/page";

const FIRST = described();
const SECOND = described({ number: 2, bed: "E-02", deviceId: "monitor-2" });

let page: Page;

beforeEach(() => {
  vi.useFakeTimers();
  page = new Page();
});

afterEach(() => {
  page.station.stop();
  vi.useRealTimers();
});

test("goes at once with its alarms, and a line says so until it is read [STATION-87]", async () => {
  await page.show({ beds: [FIRST, SECOND], alarms: [alarm({ bed: "E-02" })] });
  expect(screen.queryByText(words.bedsGone(["E-02"]))).toBeNull();
  await page.show({ beds: [FIRST] });
  expect(screen.queryByRole("article", { name: /E-02/ })).toBeNull();
  expect(listed()).toEqual([]);
  expect(screen.getByText(words.bedsGone(["E-02"]))).toBeTruthy();
  screen.getByRole("button", { name: words.understood }).click();
  await tick();
  expect(screen.queryByText(words.bedsGone(["E-02"]))).toBeNull();
});

test("that comes back is not said to be gone [STATION-87]", async () => {
  await page.show({ beds: [FIRST, SECOND] });
  await page.show({ beds: [FIRST] });
  await page.change({ beds: [SECOND] });
  expect(screen.queryByText(words.bedsGone(["E-02"]))).toBeNull();
});
