// The last hour, below the list of alarms.

import { screen, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { words } from "../../src/words";
import { alarm, T0 } from "../support/frames";
import { told } from "../support/journal";
import { Page, said } from "../support/page";

let page: Page;
let starts: Record<string, unknown>[];
let whatIf: () => Response;

beforeEach(() => {
  vi.useFakeTimers();
  page = new Page();
  starts = Array.from({ length: 5 }, (_, place) => told({ seq: place, at: T0 - 10 }));
  // Equipment has alarms of its own, which are no patient's.
  starts.push(told({ seq: 5, at: T0 - 10, kind: "technical", condition: "BED_NOT_COVERED" }));
  whatIf = () => new Response(`${JSON.stringify({ result: RESULT })}\n`);
  page.answer = (path) =>
    path === "/v1/what-if" ? whatIf() : Response.json({ events: starts, next_before: null });
});

afterEach(() => {
  page.station.stop();
  vi.useRealTimers();
});

const RESULT = {
  beds: 1,
  values: 3600,
  late_values: 0,
  comparisons: [
    { condition: "SPO2_LOW", kind: "physiological", recorded: 5, baseline: 5, tried: 2 },
    { condition: "HR_HIGH", kind: "physiological", recorded: 9, baseline: 9, tried: 9 },
  ],
  real: 3,
  missed: [],
  missed_count: 1,
  unknown: 0,
};

const hour = () => screen.getByRole("region", { name: words.lastHour });
const asked = (path: string) => page.got.filter((each) => each.startsWith(path)).length;

async function show(): Promise<void> {
  await page.show();
  await page.settle();
}

/** The ward goes on. */
async function minutes(count: number): Promise<void> {
  for (let passed = 0; passed < count * 60; passed += 4) {
    await page.pass(4);
    await page.change({});
  }
  await page.settle();
  await tick();
}

test("is bars of five minutes, and what another delay would have made of it [STATION-43]", async () => {
  await show();
  expect(said(hour())).toContain("5 about patients");
  expect(within(hour()).getByRole("img", { name: /0, 0, 5$/ })).toBeTruthy();
  const sentence =
    "SpO₂ with 15 s: 2 instead of 5 alarms; of 3 alarms that somebody acknowledged or answered, 1 would have been missed.";
  await vi.waitFor(() => expect(said(hour())).toContain(sentence));
  const link = within(hour()).getByRole("link", { name: words.burdenPage.whatIf });
  expect(link.getAttribute("href")).toBe("#/burden");
});

test("is read once a minute, tried once in a quarter of an hour, and kept from page to page [STATION-43]", async () => {
  await show();
  page.station.go({ page: "bed", bed: "E-01" });
  await page.settle();
  expect([asked("/v1/journal?phase=start"), asked("/v1/what-if")]).toEqual([1, 1]);
  await minutes(3);
  expect([asked("/v1/journal?phase=start"), asked("/v1/what-if")]).toEqual([4, 1]);
  // What has just changed is there soon, and an alarm that changes all the time is not asked for
  // all the time.
  for (let seq = 2; seq < 10; seq++) {
    await page.pass(2);
    await page.change({ alarms: [alarm({ eventSeq: seq })] });
  }
  expect(asked("/v1/journal?phase=start")).toBe(5);
  await minutes(14);
  expect(asked("/v1/what-if")).toBe(2);
});

test("of a handful nothing is tried, and what cannot be read is not told as none [STATION-43]", async () => {
  starts.splice(1, 4);
  await show();
  expect(asked("/v1/what-if")).toBe(0);
  expect(said(hour())).toContain("1 about patients");
  page.answer = () => new Response(null, { status: 503 });
  await minutes(6);
  expect(said(hour())).toBe(`${words.lastHour} ${words.noValue} ${words.burdenPage.whatIf}`);
});

test("a refused trial leaves the bars [STATION-43]", async () => {
  whatIf = () => Response.json({ error: "too many wait" }, { status: 429 });
  await show();
  expect(said(hour())).toContain("5 about patients");
  expect(said(hour())).not.toContain("instead");
});
