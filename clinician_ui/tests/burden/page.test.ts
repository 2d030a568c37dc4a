// The page of the alarm burden before a made-up server.

import axe from "axe-core";
import { render, screen, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Analyses } from "../../src/feed/analyses";
import { speak } from "../../src/language.svelte";
import BurdenPage from "../../src/pages/Burden.svelte";
import type { Station } from "../../src/station.svelte";
import { english } from "../../src/words";
import { burden, QUIET, whatIf } from "../support/burden";
import { described, T0 } from "../support/frames";
import { said } from "../support/page";
import { foreign, PSEUDO } from "../support/pseudo";

interface Asking {
  readonly path: string;
  readonly init: RequestInit;
  /** What the server says next; null ends its answer. */
  say(...lines: (object | null)[]): Promise<void>;
}

let asked: Asking[];
const say = english.burdenPage;

beforeEach(() => {
  asked = [];
});

afterEach(() => speak(english));

function ask(path: string, init: RequestInit): Promise<Response> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  asked.push({
    path,
    init,
    say: async (...lines) => {
      for (const line of lines) {
        if (line === null) await writer.close();
        // A line may come in pieces.
        else for (const part of cut(`${JSON.stringify(line)}\n`)) await writer.write(part);
      }
      await settle();
    },
  });
  return Promise.resolve(new Response(readable));
}

const cut = (text: string): Uint8Array[] => {
  const bytes = new TextEncoder().encode(text);
  return [bytes.slice(0, 5), bytes.slice(5)];
};

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
  await tick();
}

async function open(): Promise<void> {
  const beds = new Map([[1, { description: described({ unit: "ICU East" }), samples: [] }]]);
  const station = { now: T0, ward: { beds } } as unknown as Station;
  render(BurdenPage, { station, analyses: new Analyses(ask) });
  await settle();
}

async function change(label: string, value: string): Promise<void> {
  const select = screen.getByLabelText<HTMLSelectElement>(label);
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
  await settle();
}

async function tryOut(fields: Record<string, string>): Promise<void> {
  for (const [label, value] of Object.entries(fields)) {
    const input = screen.getByLabelText<HTMLInputElement>(label);
    input.value = value;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
  await tick();
  screen.getByRole("button", { name: say.tryIt }).click();
  await settle();
}

const newest = (): Asking => asked.at(-1) as Asking;
const figure = (name: string): HTMLElement =>
  screen.getByRole("heading", { name }).closest("figure") as HTMLElement;

test("it counts a day of all units, and says how far it is [BURDEN-10]", async () => {
  await open();
  const query = new URLSearchParams(newest().path.split("?")[1]);
  expect(Number(query.get("until"))).toBe(T0);
  expect(Number(query.get("since")) % 3600).toBe(0);
  expect(T0 - Number(query.get("since"))).toBeLessThanOrEqual(24 * 3600);
  expect(query.get("time_zone")).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone);
  expect(query.getAll("unit")).toEqual([]);
  await newest().say({ progress: { done: 3, devices: 8 } });
  expect(screen.getByRole("progressbar")).toHaveProperty("value", 3);
  expect(said(document.body)).toContain("3 of 8 devices");
});

test("another period or unit gives up what was asked for before [BURDEN-10]", async () => {
  await open();
  const [first] = asked;
  await change(say.unit, "ICU East");
  expect(first?.init.signal?.aborted).toBe(true);
  expect(newest().path).toContain("unit=ICU+East");
  await change(say.period, "week");
  const query = new URLSearchParams(newest().path.split("?")[1]);
  expect(T0 - Number(query.get("since"))).toBeGreaterThan(6 * 24 * 3600);
  expect(query.get("unit")).toBe("ICU East");
});

test.each([
  [[{ error: "8 analyses wait already" }], "8 analyses wait already"],
  [[{ progress: { done: 0, devices: 1 } }, null], say.cutOff],
])("what came to nothing is told in one line [BURDEN-10]", async (lines, words) => {
  await open();
  await newest().say(...lines);
  expect(said(screen.getByRole("alert"))).toBe(words);
});

test("a refusal of the request itself is told too [BURDEN-10]", async () => {
  const refused = () => Promise.resolve(Response.json({ error: "not signed in" }, { status: 401 }));
  await expect(
    new Analyses(refused).burden(
      { since: 0, until: 1, units: [] },
      vi.fn(),
      new AbortController().signal,
    ),
  ).rejects.toThrow("not signed in");
});

test("the head says what the alarms cost [BURDEN-11]", async () => {
  await open();
  await newest().say({ result: burden() });
  const terms = [...document.querySelectorAll("dl > div")].map(said);
  expect(terms).toEqual([
    "2.5 alarms a bed-day 5 alarms in 2 bed-days",
    "2 !!! high3 !! medium0 ! low by priority",
    "28 s to acknowledge, half of them nine of ten within 113 s; 2 ended before anybody did",
    "100 % of all at three beds E-01, E-02",
    "1 came again within 60 s 20 % of all",
  ]);
});

test("a quiet time has dashes where nothing was measured [BURDEN-11]", async () => {
  await open();
  await newest().say({ result: { ...burden(), physiological: QUIET } });
  const terms = [...document.querySelectorAll("dl > div dd:first-child")].map(said);
  expect(terms).toEqual(["–", "0 !!! high0 !! medium0 ! low", "–", "–", "0"]);
  expect(said(document.body)).toContain(say.none);
});

test("a cell is read by arrow keys, in words [BURDEN-12]", async () => {
  await open();
  await newest().say({ result: burden() });
  const map = screen.getByRole("application");
  const read = () => said(document.getElementById("heat-map-cell"));
  const press = async (key: string) => {
    map.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await tick();
  };
  expect(read()).toBe(say.useArrows);
  await press("ArrowRight");
  expect(read()).toBe("Bed E-01, 00:00 to 01:00: 3 alarms");
  for (const key of ["ArrowDown", "ArrowDown", "ArrowLeft"]) await press(key);
  expect(read()).toBe("Bed E-02, 00:00 to 01:00: 0 alarms");
  for (let hour = 0; hour < 30; hour += 1) await press("ArrowRight");
  expect(read()).toBe("Bed E-02, 23:00 to 24:00: 1 alarm");
});

test("each picture has a table of the same figures [BURDEN-12]", async () => {
  await open();
  await newest().say({ result: burden() });
  const rows = (name: string) =>
    within(figure(name)).getAllByRole("row", { hidden: true }).slice(1).map(said);
  expect(rows(say.heatMap)).toEqual([
    "E-01 3 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 4".replaceAll(" ", ""),
    "E-02 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1".replaceAll(" ", ""),
  ]);
  expect(rows(say.pareto).map((row) => row.replaceAll(" ", ""))).toEqual([
    "SpO₂low360%",
    "HRhigh2100%",
  ]);
  expect(rows(say.overTime)[0]?.replaceAll(" ", "")).toMatch(/230$/);
});

test("a trial is told in a sentence, with what it would have missed [BURDEN-13]", async () => {
  await open();
  await newest().say({ result: burden() });
  await tryOut({ [say.low]: "88", [say.delay]: "15" });
  expect(newest().path).toBe("/v1/what-if");
  const body = JSON.parse(String(newest().init.body)) as Record<string, unknown>;
  expect(body["limits"]).toEqual({ SpO2: { low: 88, delay_s: 15 } });
  expect(body["until"]).toBe(T0);
  await newest().say({ progress: { done: 1, devices: 2 } });
  expect(screen.getByRole("progressbar")).toHaveProperty("value", 1);
  await newest().say({ result: whatIf() });
  expect(said(screen.getByRole("status"))).toBe(
    "SpO₂ 88 with 15 s: 1 instead of 4 alarms; of 2 alarms that somebody acknowledged or " +
      "answered, 1 would have been missed; 1 more cannot be judged: no values of the time are stored.",
  );
  const link = screen.getByRole("link", { name: "E-01" });
  expect(link.getAttribute("href")).toBe("#/bed/E-01");
  expect(said(link.closest("li"))).toMatch(/SpO₂ low 84 acknowledged by kim$/);
});

test("0 is a limit, and nothing is none [BURDEN-13]", async () => {
  await open();
  await newest().say({ result: burden() });
  await tryOut({});
  expect(said(screen.getByRole("alert"))).toBe(say.saySomething);
  expect(asked).toHaveLength(1);
  await tryOut({ [say.hysteresis]: "0" });
  expect(JSON.parse(String(newest().init.body))).toHaveProperty("limits", {
    SpO2: { hysteresis: 0 },
  });
  await newest().say({ error: "SpO2.low: is not below high" });
  expect(said(screen.getByRole("alert"))).toBe("SpO2.low: is not below high");
});

test("where nobody acknowledged, none is called missed [BURDEN-13]", async () => {
  await open();
  await newest().say({ result: burden() });
  await tryOut({ [say.low]: "88" });
  await newest().say({ result: whatIf({ real: 0, missed: [], missed_count: 0, unknown: 0 }) });
  expect(said(screen.getByRole("status"))).toBe(
    `SpO₂ 88: 1 instead of 4 alarms; ${say.nobodyAnswered}.`,
  );
});

test("what came too late for an alarm is told where there is some, and only there [BURDEN-16]", async () => {
  await open();
  await newest().say({ result: burden() });
  await tryOut({ [say.low]: "88" });
  await newest().say({ result: whatIf() });
  expect(said(document.body)).not.toMatch(/too late/);
  await tryOut({ [say.low]: "88" });
  await newest().say({ result: whatIf({ late_values: 1200 }) });
  screen.getByText(
    "7,200 values of 2 beds replayed; 1,200 more came too late for an alarm at the bedside, " +
      "and are left out",
  );
});

test("alarms that were found late are told and not counted [BURDEN-16]", async () => {
  await open();
  await newest().say({ result: { ...burden(), late_detected: 3 } });
  screen.getByText(say.lateDetected("3"));
  screen.getByText(/^5 alarms in /);
});

test("a trial that is stopped is given up [BURDEN-13]", async () => {
  await open();
  await newest().say({ result: burden() });
  await tryOut({ [say.low]: "88" });
  screen.getByRole("button", { name: say.stop }).click();
  await settle();
  expect(newest().init.signal?.aborted).toBe(true);
  expect(screen.queryByRole("alert")).toBeNull();
});

test("nothing of it is in the way of those who do not see it", async () => {
  await open();
  await newest().say({ result: burden() });
  await tryOut({ [say.low]: "88" });
  await newest().say({ result: whatIf() });
  // Colours are judged where they are drawn.
  const { violations } = await axe.run(document.querySelector("main") ?? document, {
    rules: { "color-contrast": { enabled: false }, "target-size": { enabled: false } },
  });
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
});

test("a language says all of it", async () => {
  speak(PSEUDO);
  await open();
  await newest().say({ result: burden() });
  screen.getByRole<HTMLButtonElement>("button", { name: /Try it/ });
  const data = ["E-01", "E-02", "SpO₂", "HR", "RR", "ICU East", "NIBP", "Temp"];
  expect(foreign(document.body, data)).toEqual([]);
});
