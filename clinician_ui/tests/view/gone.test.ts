// A bed that the page may not, or cannot, show any more.

import { screen, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { words } from "../../src/words";
import { alarm, described } from "../support/frames";
import { told } from "../support/journal";
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

const spoken = () => document.querySelector("[aria-live=assertive]")?.textContent;

async function settled(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1000);
  await tick();
}

test("goes at once with its alarms, and a line says so until it is read [STATION-87]", async () => {
  await page.show({ beds: [FIRST, SECOND], alarms: [alarm({ bed: "E-02" })] });
  expect(screen.queryByText(words.bedsGone(["E-02"]))).toBeNull();
  expect(spoken()).toContain("E-02");
  await page.show({ beds: [FIRST] });
  expect(screen.queryByRole("article", { name: /E-02/ })).toBeNull();
  expect(listed()).toEqual([]);
  expect(spoken()).toBe("");
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

test("is not in the event log either, which is read anew [STATION-87]", async () => {
  page.answer = () => Response.json({ events: [told({ bed: "E-02" })], next_before: null });
  await page.show({ beds: [FIRST, SECOND] });
  page.station.go({ page: "alarms" });
  await settled();
  const log = () => screen.getByRole("region", { name: words.log });
  expect(log().textContent).toContain("E-02");
  page.answer = () => Response.json({ events: [told({ bed: "E-01" })], next_before: null });
  await page.show({ beds: [FIRST] });
  expect(within(log()).queryAllByText("E-02")).toEqual([]);
  await settled();
  expect(within(log()).getAllByText("E-01")).not.toEqual([]);
});
