// A bed beyond its numbers: what is held back and by whom, who goes, who watches, its score; and
// what a person does about it.

import { create } from "@bufbuild/protobuf";
import { screen, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  AlarmKind,
  AlarmPriority,
  Inactivation,
  Responsibility,
} from "../../src/wire/rpm_service/v1/alarm_pb";
import {
  EarlyWarningBand,
  EarlyWarningScoreSchema,
} from "../../src/wire/rpm_service/v1/early_warning_pb";
import {
  BedInactivationSchema,
  LimitOverrideSchema,
} from "../../src/wire/rpm_service/v1/monitoring_pb";
import { words } from "../../src/words";
import { alarm, described, HR, numerics, SPO2, T0 } from "../support/frames";
import { fill, listed, Page, said, tile } from "../support/page";

const { HIGH } = AlarmPriority;
const { AUDIO_PAUSED, AUDIO_OFF, ALARM_PAUSED, ALARM_OFF } = Inactivation;

let page: Page;

beforeEach(() => {
  vi.useFakeTimers();
  page = new Page();
});

afterEach(() => {
  page.station.stop();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

type HeldInit = Parameters<typeof create<typeof BedInactivationSchema>>[1];

function held(init: HeldInit) {
  return create(BedInactivationSchema, { by: "anna", since: T0 - 48, ...init });
}

function bedWith(...inactivations: HeldInit[]) {
  return described({ inactivations: inactivations.map(held) });
}

const pausedSound = { state: AUDIO_PAUSED, until: T0 + 72 };

/** The mark in a tile's header for what is held back. */
const mark = () => tile().querySelector("header .heldback");

describe("what is held back", () => {
  test.each([
    ["sound paused 1:12", pausedSound],
    ["sound off", { state: AUDIO_OFF }],
    ["alarms paused 10:00", { state: ALARM_PAUSED, until: T0 + 600 }],
    ["alarms off", { state: ALARM_OFF }],
    ["SpO₂ alarms off", { state: ALARM_OFF, metric: "SpO2" }],
    ["HR high sound off", { state: AUDIO_OFF, metric: "HR", condition: "HR_HIGH" }],
  ])("is %s in the tile, with a sign [STATION-22]", async (text, init) => {
    await page.show({ beds: [bedWith(init)] });
    expect(said(mark())).toBe(text);
    expect(mark()?.querySelector("svg")).not.toBeNull();
  });

  test("says who, when and why [STATION-22]", async () => {
    await page.show({ beds: [bedWith({ ...pausedSound, reason: "at the bedside" })] });
    expect(mark()?.getAttribute("title")).toMatch(
      /^sound paused 1:12 by anna at \d\d:\d\d:\d\d: at the bedside$/,
    );
  });

  test("counts down, and is gone when it has run out, before the server says so [STATION-22]", async () => {
    await page.show({ beds: [bedWith(pausedSound)] });
    await page.pass(2);
    expect(said(mark())).toBe("sound paused 1:10");
    for (let second = 0; second < 70; second++) {
      await page.pass(1);
      page.world.socket.say({ case: "progress", value: { serverClock: T0 + 3 + second } });
    }
    await page.pass(0);
    expect(mark()).toBeNull();
  });

  test("of one number stands at the number; what is more is counted", async () => {
    const beds = [bedWith({ state: ALARM_OFF, metric: "SpO2" }, pausedSound)];
    await page.show({ beds });
    expect(said(mark())).toBe("SpO₂ alarms off +1");
    const spo2 = within(tile()).getByRole("group", { name: "SpO₂" });
    expect(spo2.querySelector(".marks svg")).not.toBeNull();
    const hr = within(tile()).getByRole("group", { name: "HR" });
    expect(hr.querySelector(".marks")).toBeNull();
  });

  test("of all signals takes the fill and the flash, and the alarm stays on the page [STATION-22]", async () => {
    const off = bedWith({ state: ALARM_OFF, metric: "SpO2", reason: "agreed" });
    await page.show({ beds: [off], alarms: [alarm({ priority: HIGH })] });
    expect(tile().className).toContain("withheld");
    expect(tile().className).not.toMatch(/\bon\b/);
    expect(within(tile()).getByText("98").className).not.toContain("high");
    expect(said(listed()[0])).toContain("alarms off by anna");
    expect(document.querySelector("[aria-live=assertive]")?.textContent).toBe("");
  });

  test("of sound alone takes neither", async () => {
    await page.show({ beds: [bedWith(pausedSound)], alarms: [alarm({ priority: HIGH })] });
    expect(tile().className).toMatch(/\bon\b/);
    expect(tile().className).not.toContain("withheld");
    expect(said(listed()[0])).toContain("sound paused 1:12 by anna");
  });

  test("gives way in the tile to an alarm that signals, whatever its priority", async () => {
    const off = bedWith({ state: ALARM_OFF, metric: "SpO2" });
    const other = alarm({ occurrenceId: "9", metric: "HR", condition: "HR_HIGH", limit: 120 });
    await page.show({ beds: [off], alarms: [alarm({ priority: HIGH }), other] });
    expect(tile().getAttribute("aria-label")).toContain("HR above 120");
    expect(tile().className).toMatch(/\bon\b/);
    const second = tile().querySelector("header .others");
    expect(said(second)).toContain("SpO₂ below 90");
    expect(second?.className).not.toMatch(/\bon\b/);
  });
});

describe("a tile", () => {
  test("says that nobody watches its bed [STATION-23]", async () => {
    await page.show({ beds: [described({ covered: false })] });
    expect(said(tile())).toContain(words.notCovered);
    await page.change({ beds: [described({ covered: true })] });
    expect(said(tile())).not.toContain(words.notCovered);
    await page.change({ beds: [described()] });
    expect(said(tile())).not.toContain(words.notCovered);
  });

  test("marks the number whose alarm is pending [STATION-23]", async () => {
    const pending = numerics(1, [72, 88]);
    pending.pending = [1];
    await page.show({ numerics: [pending] });
    const spo2 = within(tile()).getByRole("group", { name: "SpO₂" });
    expect(said(spo2)).toContain(words.pending);
    expect(said(within(tile()).getByRole("group", { name: "HR" }))).not.toContain(words.pending);
    await page.change({ numerics: [numerics(1, [72, 88])] });
    expect(said(spo2)).not.toContain(words.pending);
  });

  test("marks limits that are the patient's own, with who, until when and why [STATION-23]", async () => {
    const override = create(LimitOverrideSchema, {
      by: "bo",
      until: T0 + 3600,
      reason: "athlete",
    });
    await page.show({ beds: [described({ metrics: [{ ...HR, override }, SPO2] })] });
    const hr = within(tile()).getByRole("group", { name: "HR" });
    expect(said(hr)).toMatch(/HR limits of this patient, by bo until \d\d:\d\d:\d\d: athlete/);
  });

  test("says who goes, and who cannot [STATION-25]", async () => {
    const answered = { responsible: "anna", answeredAt: T0 };
    const going = alarm({ responsibility: Responsibility.ACCEPTED, ...answered });
    await page.show({ alarms: [going] });
    expect(said(tile())).toContain("anna is going");
    expect(said(listed()[0])).toContain("anna is going");
    expect(screen.queryByRole("button", { name: /^I am going/ })).toBeNull();
    const cannot = { eventSeq: 2, responsibility: Responsibility.REJECTED, ...answered };
    await page.change({ alarms: [alarm(cannot)] });
    expect(said(listed()[0])).toContain("anna cannot go");
    expect(screen.getByRole("button", { name: /^I am going/ })).toBeTruthy();
  });
});

describe("an early-warning score", () => {
  type ScoreInit = Parameters<typeof create<typeof EarlyWarningScoreSchema>>[1];

  async function score(init: ScoreInit): Promise<string> {
    const earlyWarning = create(EarlyWarningScoreSchema, { at: T0, ...init });
    await page.show({ beds: [described({ earlyWarning })] });
    return said(tile().querySelector(".score"));
  }

  test("is its total with what it asks for [STATION-24]", async () => {
    const subScores = [
      { input: "RR", score: 3, observedAt: T0 },
      { input: "SpO2", score: 2, observedAt: T0 },
      { input: "pulse", score: 0, observedAt: T0 },
    ];
    expect(await score({ total: 5, band: EarlyWarningBand.MEDIUM, subScores })).toBe(
      "NEWS2 5▲ NEWS2 5; urgent review; RR 3, SpO₂ 2",
    );
  });

  test("of 0 is 0 [STATION-24]", async () => {
    expect(await score({ total: 0, band: EarlyWarningBand.LOW })).toBe("NEWS2 0 NEWS2 0");
  });

  test("that is incomplete says so and what is missing, and is never 0 [STATION-24]", async () => {
    expect(await score({ missing: ["oxygen", "SpO2"] })).toBe(
      "NEWS2 – NEWS2 incomplete; without oxygen, SpO₂",
    );
  });

  test("that is incomplete but high already says that too", async () => {
    expect(await score({ missing: ["oxygen"], band: EarlyWarningBand.HIGH })).toContain(
      "–▲▲ NEWS2 incomplete; emergency review",
    );
  });

  test("colours its place when it is an alarm", async () => {
    const raised = { metric: "NEWS2", condition: "NEWS2_HIGH", value: 7, limit: 7, priority: HIGH };
    const earlyWarning = create(EarlyWarningScoreSchema, { total: 7, band: EarlyWarningBand.HIGH });
    await page.show({ beds: [described({ earlyWarning })], alarms: [alarm(raised)] });
    expect(tile().querySelector(".score")?.className).toContain("high");
    expect(said(listed()[0])).toContain("!!! E-01 NEWS2 7");
  });
});

test("an alarm of the service itself is in the list, without a bed to pause [STATION-26]", async () => {
  const service = { bed: "server", kind: AlarmKind.TECHNICAL, metric: "", limit: undefined };
  await page.show({ alarms: [alarm({ ...service, condition: "STORAGE_DEGRADED" })] });
  expect(said(listed()[0])).toContain("!! Service does not store everything");
  expect(screen.queryByRole("button", { name: /^Pause/ })).toBeNull();
  expect(screen.getByRole("button", { name: /^Acknowledge/ })).toBeTruthy();
});

describe("a person", () => {
  test("goes: from the list, or with G for the highest that waits for somebody [STATION-25]", async () => {
    await page.show({ alarms: [alarm(), alarm({ occurrenceId: "9", priority: HIGH })] });
    await page.press("g");
    expect(page.posted[0]).toMatchObject({
      path: "/v1/alarms/9/responsibility",
      body: { accepted: true },
    });
    screen.getAllByRole("button", { name: /^I am going/ })[1]?.click();
    expect(page.posted[1]?.path).toBe("/v1/alarms/7/responsibility");
  });

  async function openPanel(): Promise<HTMLElement> {
    within(tile()).getByRole("button", { name: "E-01" }).click();
    await tick();
    await tick();
    return screen.getByRole("region", { name: words.bed("E-01") });
  }

  test("pauses the alarms of a metric, for a time and with a reason [STATION-27]", async () => {
    await page.show();
    const panel = await openPanel();
    await fill(panel, words.holdBack, "alarms paused");
    await fill(panel, words.holdBackOf, "SpO₂");
    await fill(panel, words.holdBackFor, "5:00");
    await fill(panel, words.why, "probe is being moved");
    within(panel).getByRole("button", { name: words.holdBack }).click();
    expect(page.posted[0]).toMatchObject({
      path: "/v1/beds/E-01/inactivate",
      body: {
        state: "ALARM_PAUSED",
        metric: "SpO2",
        condition: "",
        duration_s: 300,
        reason: "probe is being moved",
      },
    });
  });

  test("gives no time to what is off, and must say why [STATION-27]", async () => {
    await page.show();
    const panel = await openPanel();
    await fill(panel, words.holdBack, "sound off");
    expect(within(panel).queryByLabelText(words.holdBackFor)).toBeNull();
    expect(within(panel).getByLabelText<HTMLInputElement>(words.why).required).toBe(true);
  });

  test("ends what is held back of a scope [STATION-27]", async () => {
    await page.show({ beds: [bedWith({ state: ALARM_OFF, metric: "SpO2", reason: "agreed" })] });
    const panel = await openPanel();
    within(panel).getByRole("button", { name: words.signalAgain }).click();
    expect(page.posted[0]).toMatchObject({
      path: "/v1/beds/E-01/reactivate",
      body: { metric: "SpO2", condition: "" },
    });
  });

  test("records what no device measures", async () => {
    const earlyWarning = create(EarlyWarningScoreSchema, { missing: ["oxygen"] });
    await page.show({ beds: [described({ earlyWarning })] });
    const panel = await openPanel();
    within(panel).getByRole("tab", { name: words.bedPage.tabs.score }).click();
    await tick();
    await fill(panel, words.breathes, "oxygen");
    within(panel)
      .getByRole("button", { name: words.recordFor("NEWS2") })
      .click();
    expect(page.posted[0]).toMatchObject({
      path: "/v1/beds/E-01/assess",
      body: { inspired_gas: "oxygen" },
    });
  });

  test("opens a bed with Enter, types without acting, and is back at the tile with Escape", async () => {
    await page.show({ alarms: [alarm()] });
    await page.press("ArrowRight");
    await page.press("Enter");
    const panel = screen.getByRole("region", { name: words.bed("E-01") });
    within(panel).getByLabelText(words.why).focus();
    await page.press("g");
    await page.press("p");
    expect(page.posted).toEqual([]);
    await page.press("Escape");
    expect(screen.queryByRole("region", { name: words.bed("E-01") })).toBeNull();
    expect(document.activeElement).toBe(tile());
  });
});
