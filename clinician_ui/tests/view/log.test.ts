// The event log on the page of alarms.

import { screen, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { words } from "../../src/words";
import { alarm, T0 } from "../support/frames";
import { told } from "../support/journal";
import { Page, said } from "../support/page";

let page: Page;

beforeEach(() => {
  vi.useFakeTimers();
  page = new Page();
});

afterEach(() => {
  page.station.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const rows = () =>
  within(screen.getByRole("region", { name: words.log }))
    .getAllByRole("row")
    .slice(1);

const cells = (row: HTMLElement | undefined) =>
  within(row as HTMLElement)
    .getAllByRole("cell")
    .map(said);

async function settled(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1000);
  await tick();
}

async function open(events: Record<string, unknown>[], next_before: number | null = null) {
  page.answer = () => Response.json({ events, next_before });
  await page.show();
  page.station.go({ page: "alarms" });
  await settled();
}

async function choose(label: string, value: string): Promise<void> {
  const field = screen.getByLabelText<HTMLSelectElement>(label);
  field.value = value;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  await settled();
}

test("says of what was detected late that it was, and of when it is [STATION-96]", async () => {
  await open([told({ seq: 9, late_detected: true, presence: "OFF", observed_at: T0 - 3600 })]);
  const happened = cells(rows()[0])[3] ?? "";
  expect(happened).toMatch(/^began at .*, detected late$/);
  expect(happened).not.toContain(cells(rows()[0])[0] ?? "none");
});

test("says when, where, what, what happened and who [STATION-58]", async () => {
  await open([
    told({ seq: 9, phase: "acknowledge", by: "anna" }),
    told({ seq: 8, bed: "server", condition: "STORAGE_DEGRADED", metric: null, limit: null }),
  ]);
  expect(cells(rows()[0])).toEqual([
    expect.stringMatching(/:20$/),
    "E-01",
    "!! medium priority SpO₂ 88 < 90",
    "acknowledged",
    "anna",
    words.evidence,
  ]);
  expect(within(rows()[0] as HTMLElement).getByRole("link", { name: "E-01" })).toBeTruthy();
  expect(
    within(rows()[0] as HTMLElement)
      .getByRole("link", { name: words.evidenceOf("7") })
      .getAttribute("href"),
  ).toBe("#/bed/E-01?alarm=7");
  expect(cells(rows()[1]).slice(1)).toEqual([
    "Service",
    "!! medium priority does not store everything",
    "began",
    "",
    "",
  ]);
});

test("finds by a filter, at the server [STATION-58]", async () => {
  await open([told({ seq: 9, phase: "end" }), told({ seq: 8 })]);
  await choose(words.logBed, "E-01");
  expect(page.got.at(-1)).toBe("/v1/journal?bed=E-01&earlier=true");
  page.answer = () => Response.json({ events: [], next_before: 5 });
  await choose(words.logPhase, "END");
  await choose(words.logBy, "anna");
  expect(page.got.at(-1)).toBe("/v1/journal?bed=E-01&phase=end&by=anna&earlier=true");
  expect(rows()).toHaveLength(0);
  // Of a journal that is longer than one look, nothing is said yet.
  expect(screen.queryByText(words.logEmpty)).toBeNull();
  expect(screen.getByRole("button", { name: words.logOlder })).toBeTruthy();
});

test("reads on by pages, and follows what happens now [STATION-58]", async () => {
  await open([told({ seq: 9 })], 9);
  page.answer = () => Response.json({ events: [told({ seq: 4 })], next_before: null });
  screen.getByRole("button", { name: words.logOlder }).click();
  await settled();
  expect(page.got.at(-1)).toBe("/v1/journal?before=9");
  expect(rows()).toHaveLength(2);
  expect(screen.queryByRole("button", { name: words.logOlder })).toBeNull();
  page.answer = () =>
    Response.json({ events: [told({ seq: 12 }), told({ seq: 9 })], next_before: 9 });
  await page.change({ alarms: [alarm()] });
  await settled();
  expect(rows()).toHaveLength(3);
});

test("that cannot be read says so, and comes back with the next event", async () => {
  await open([]);
  expect(screen.getByText(words.logEmpty)).toBeTruthy();
  page.answer = () => new Response(null, { status: 503 });
  await page.change({ alarms: [alarm()] });
  await settled();
  expect(screen.getByText(words.noLog(words.refused(503)))).toBeTruthy();
  page.answer = () => Response.json({ events: [told()], next_before: null });
  await page.change({ alarms: [alarm({ eventSeq: 2 })] });
  await settled();
  expect(screen.queryByText(words.noLog(words.refused(503)))).toBeNull();
  expect(rows()).toHaveLength(1);
});

test("is taken along as it is shown [STATION-58]", async () => {
  await open([told({ seq: 9, phase: "end" })]);
  await choose(words.logPhase, "END");
  const blobs: Blob[] = [];
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    blobs.push(blob as Blob);
    return "blob:x";
  });
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => undefined);
  screen.getByRole("button", { name: words.exportAs("CSV") }).click();
  screen.getByRole("button", { name: words.exportAs("JSON") }).click();
  const [csv, json] = await Promise.all(blobs.map((blob) => blob.text()));
  expect(csv?.trim().split("\r\n")).toHaveLength(2);
  expect(csv).toContain("9,2023-11-14T22:13:20.000Z,E-01,ICU East,MEDIUM,SPO2_LOW,SpO2,END,88,90");
  expect(JSON.parse(json ?? "")).toMatchObject({ filter: { phase: "END" }, events: [{ seq: 9 }] });
});

test("the filter is reached by its key", async () => {
  await open([]);
  await page.press("/");
  await settled();
  expect(document.activeElement).toBe(screen.getByLabelText(words.logBed));
});
