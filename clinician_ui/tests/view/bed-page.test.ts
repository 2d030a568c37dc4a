// The page of one bed, as a person meets it: what is shown, and each act with its refusal.

import { create } from "@bufbuild/protobuf";
import { screen, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  EarlyWarningBand,
  EarlyWarningScoreSchema,
  OxygenScale,
} from "../../src/wire/rpm_service/v1/early_warning_pb";
import { LimitOverrideSchema } from "../../src/wire/rpm_service/v1/monitoring_pb";
import {
  MetricLimitsSchema,
  SampleArrayMetricSchema,
} from "../../src/wire/rpm_service/v1/telemetry_pb";
import { words } from "../../src/words";
import { calibration, roundBelow } from "../../src/view/calibration";
import { Ring } from "../../src/model/waves";
import { described, HR, NIBP, numerics, SPO2, T0 } from "../support/frames";
import { told } from "../support/journal";
import { fill, Page, said } from "../support/page";

const text = words.bedPage;
let page: Page;
/** What is stored, by path without the query; what is not here is not found. */
let stored: Record<string, unknown>;

/** The next act is refused so. */
function refuse(error: string, field: string): void {
  const { done } = page;
  page.done = () => {
    page.done = done;
    return Response.json({ error, field }, { status: 400 });
  };
}

beforeEach(() => {
  vi.useFakeTimers();
  page = new Page();
  stored = {};
  page.answer = (path) => {
    const found = stored[path.split("?")[0] ?? ""];
    return found === undefined
      ? Response.json({ error: "there is nothing stored" }, { status: 404 })
      : Response.json(found);
  };
  stored["/v1/beds/E-01/registered"] = {
    unit: "ICU East",
    admitted_at: T0 - 3600,
    device_id: "monitor-1",
    associated_at: T0 - 7200,
    oxygen_scale: "2",
    oxygen_scale_by: "bo",
    oxygen_scale_reason: "COPD",
  };
});

afterEach(() => {
  page.station.stop();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function open(tab?: keyof typeof text.tabs, bed = described()): Promise<HTMLElement> {
  await page.show({
    beds: [bed],
    numerics: [
      numerics(
        1,
        bed.metrics.map(() => 97),
      ),
    ],
  });
  page.station.go({ page: "bed", bed: "E-01" });
  await tick();
  const section = screen.getByRole("region", { name: words.bed("E-01") });
  if (tab !== undefined) {
    within(section).getByRole("tab", { name: text.tabs[tab] }).click();
    await tick();
    await page.settle();
  }
  return section;
}

/** What stands in a row of a table. */
function cells(row: HTMLElement): string {
  return [...row.children].map(said).join(" ");
}

function press(section: HTMLElement, name: string | RegExp): void {
  within(section).getByRole("button", { name }).click();
}

describe("what is measured", () => {
  test("is there whole: every waveform and every number [BED-5]", async () => {
    const waveforms = [131330, 131329, 150452, 151780, 150036].map((code) =>
      create(SampleArrayMetricSchema, { code, unit: 266418, sampleRateHz: 250, scale: 0.01 }),
    );
    const section = await open(undefined, described({ waveforms, metrics: [HR, SPO2, ...NIBP] }));
    const waves = within(section).getByRole("group", { name: text.waveforms, hidden: true });
    for (const name of ["II", "I", "Pleth", "Resp", "ABP"]) {
      expect(within(waves).getByText(name)).toBeTruthy();
    }
    for (const name of ["HR", "SpO₂", "NIBP"]) {
      expect(within(section).getByRole("group", { name })).toBeTruthy();
    }
  });

  test("has a calibration mark of a round amount, as high as it is drawn [BED-5]", () => {
    const metric = create(SampleArrayMetricSchema, {
      code: 131330,
      unit: 266418,
      sampleRateHz: 250,
    });
    const lane = { ring: new Ring(metric), top: 100, height: 100, perUnit: 40, perSecond: 94 };
    expect(calibration(lane)).toEqual({ text: "1 mV", top: 130, height: 40 });
    expect(calibration({ ...lane, perUnit: NaN })).toBeNull();
    expect([0.6, 2.4, 7].map(roundBelow)).toEqual([0.5, 2, 5]);
  });
});

describe("the score", () => {
  const earlyWarning = create(EarlyWarningScoreSchema, {
    total: 6,
    band: EarlyWarningBand.MEDIUM,
    oxygenScale: OxygenScale.TWO,
    subScores: [
      { input: "RR", score: 2, value: 22, observedAt: T0 - 240 },
      { input: "SpO2", score: 0, value: 0, observedAt: T0 },
    ],
    missing: ["consciousness"],
  });

  test("says value, points and age of each input, what is missing, and who decided [BED-6]", async () => {
    stored["/v1/beds/E-01/scores"] = {
      scores: [{ at: T0, total: null, band: null, sub_scores: [], missing: ["oxygen"] }],
    };
    const section = await open("score", described({ earlyWarning }));
    const rows = within(section).getAllByRole("row").map(cells);
    expect(rows).toContain("Breathing 22 2 4 min");
    expect(rows).toContain("SpO₂ 0 0 now");
    expect(rows).toContain("Consciousness missing");
    expect(said(section)).toContain("decided by bo: COPD");
    expect(rows.at(-1)).toMatch(/ – without Air or oxygen$/);
  });

  test("uses scale 2 by a recorded decision with a reason, refused at its field [BED-6]", async () => {
    stored["/v1/beds/E-01/scores"] = { scores: [] };
    const section = await open("score", described({ earlyWarning }));
    await fill(section, text.oxygenScale, text.scaleTwo);
    const reason = within(section).getByLabelText<HTMLInputElement>(text.reason);
    expect(reason.required).toBe(true);
    await fill(section, text.reason, "COPD");
    refuse("name no patient", "reason");
    press(section, text.decide);
    await page.settle();
    expect(page.posted[0]).toMatchObject({
      path: "/v1/beds/E-01/assess",
      body: { oxygen_scale: "2", reason: "COPD" },
    });
    expect(said(within(section).getByRole("alert"))).toBe("name no patient");
  });
});

describe("limits", () => {
  const ladder = { low: 90, high: null, extreme_low: 85, extreme_high: null };
  const rest = { delay_s: 0, extreme_delay_s: 0, hysteresis: 0, hold_s: 0, latching: false };
  const bounds = { low: [85, 95], high: [90, 100], delay_s_max: 15, extreme_delay_s_max: 5 };

  beforeEach(() => {
    stored["/v1/beds/E-01/limits"] = [{ metric: "SpO2", preset: { ...ladder, ...rest }, bounds }];
  });

  test("stand as in force and as preset, with whose they are [BED-7]", async () => {
    const override = create(LimitOverrideSchema, { by: "bo", until: T0 + 60, reason: "COPD" });
    const limits = create(MetricLimitsSchema, { metric: "SpO2", extremeLow: 85, low: 88 });
    const own = { ...SPO2, limits, override };
    const section = await open("limits", described({ metrics: [own] }));
    const row = said(within(section).getAllByRole("row")[1]);
    expect(row).toContain("85 · 88 · – · –");
    expect(row).toContain("85 · 90 · – · –");
    expect(row).toContain("by bo");
    press(section, /^Preset again/);
    await page.settle();
    expect(page.posted[0]).toMatchObject({
      path: "/v1/beds/E-01/clear-limits",
      body: { metric: "SpO2" },
    });
  });

  test("are changed from old to new, with a reason and a time; a refusal is at its field [BED-7]", async () => {
    const section = await open("limits");
    press(section, /^Change SpO₂/);
    await tick();
    const form = within(section).getByRole("form", { name: text.limitsOf("SpO₂") });
    expect(within(form).getByText(text.setLimits).closest("button")?.disabled).toBe(true);
    await fill(form, /^Low/, "88");
    expect(said(within(form).getByRole("status"))).toBe("Low 90 → 88");
    await fill(form, text.reason, "COPD");
    refuse("SpO2 low: 88 is beyond", "limits.low");
    press(form, text.setLimits);
    await page.settle();
    expect(page.posted[0]).toMatchObject({
      path: "/v1/beds/E-01/set-limits",
      body: { metric: "SpO2", low: 88, high: null, reason: "COPD", duration_s: 43200 },
    });
    const alert = within(form).getByRole("alert");
    expect(said(alert)).toBe("SpO2 low: 88 is beyond");
    const label = within(form).getByLabelText(/^Low/).closest("label");
    expect(label?.parentElement?.contains(alert)).toBe(true);
    press(form, text.setLimits);
    await page.settle();
    expect(within(section).queryByRole("form")).toBeNull();
  });

  test("are proposed, and set only by another act [BED-7]", async () => {
    stored["/v1/beds/E-01/proposed-limits"] = [
      { metric: "SpO2", value: 97, ...ladder, ...rest, low: 92 },
    ];
    const section = await open("limits");
    press(section, text.propose);
    await tick();
    await page.settle();
    expect(page.posted).toEqual([]);
    press(section, text.use);
    await tick();
    const form = within(section).getByRole("form");
    expect(said(within(form).getByRole("status"))).toContain("Low 90 → 92");
    expect(page.posted).toEqual([]);
  });
});

describe("a patient", () => {
  test("is admitted by an identifier and an age, and a refusal is at its field [BED-11]", async () => {
    const section = await open("patient", described({ patientId: "" }));
    await fill(section, text.patientId, "4711");
    await fill(section, text.ageClass, "child");
    refuse("the patient lies in 'E-02'", "patient_id");
    press(section, text.admit);
    await page.settle();
    expect(page.posted[0]).toMatchObject({
      path: "/v1/beds/E-01/admit",
      body: { patient_id: "4711", age_class: "paediatric", unit: "" },
    });
    const label = within(section).getByLabelText(text.patientId).closest("label");
    expect(said(label?.nextElementSibling)).toBe("the patient lies in 'E-02'");
  });

  test("is discharged in two steps, of which the first says what ends [BED-11]", async () => {
    const section = await open("patient");
    press(section, /^Discharge/);
    await tick();
    expect(page.posted).toEqual([]);
    const ask = within(section).getByRole("alertdialog");
    expect(said(ask)).toContain(text.dischargeEnds("E-01"));
    press(ask, text.cancel);
    await tick();
    expect(within(section).queryByRole("alertdialog")).toBeNull();
    press(section, /^Discharge/);
    await tick();
    press(section, text.confirmDischarge);
    await page.settle();
    expect(page.posted).toMatchObject([{ path: "/v1/beds/E-01/discharge" }]);
  });

  test("is transferred in two steps, and the page goes along [BED-11]", async () => {
    const section = await open("patient");
    await page.change({ beds: [described({ number: 2, bed: "E-02", patientId: "" })] });
    await fill(section, text.toBed, "E-02");
    press(section, /^Transfer/);
    await tick();
    press(section, text.confirmTransfer);
    await page.settle();
    expect(page.posted).toMatchObject([
      { path: "/v1/beds/E-01/transfer", body: { to_bed: "E-02" } },
    ]);
    expect(page.station.route).toEqual({ page: "bed", bed: "E-02" });
  });
});

test("the device: what it is, since when it is here, and another in its place [BED-12]", async () => {
  const section = await open("device");
  expect(said(section)).toContain("monitor-1");
  expect(said(section)).toContain(text.connections.there);
  expect(said(section)).toContain(text.clockAgrees);
  press(section, /^Take it away/);
  await tick();
  press(section, text.confirmDissociate);
  await page.settle();
  await fill(section, text.deviceId, "monitor-9");
  press(section, /^Associate/);
  await tick();
  press(section, text.associate);
  await page.settle();
  expect(page.posted).toMatchObject([
    { path: "/v1/beds/E-01/dissociate", body: { device_id: "monitor-1" } },
    { path: "/v1/beds/E-01/associate", body: { device_id: "monitor-9" } },
  ]);
});

describe("alarms of the past", () => {
  const evidence = {
    raised_at: T0,
    since: T0 - 10,
    until: T0 + 10,
    numerics: [{ name: "SpO2", unit: "%", at: [T0 - 1, T0], values: [91, 88] }],
    waveforms: [],
  };

  beforeEach(() => {
    stored["/v1/journal"] = {
      events: [told({ raised_at: T0, ended_at: T0 + 42, acknowledged_by: "anna" })],
      next_before: 3,
    };
    stored["/v1/alarms/7/evidence"] = evidence;
  });

  test("say what crossed what, how long, and who acknowledged; older ones are asked for [BED-8]", async () => {
    const section = await open("alarms");
    const row = said(within(section).getByRole("listitem"));
    expect(row).toContain("SpO₂ low 88, limit 90");
    expect(row).toContain("lasted 0:42");
    expect(row).toContain("acknowledged by anna");
    stored["/v1/journal"] = {
      events: [told({ seq: 0, occurrence_id: 5, raised_at: T0 - 100 })],
      next_before: null,
    };
    press(section, text.older);
    await page.settle();
    expect(page.got.at(-1)).toContain("before=3");
    expect(within(section).getAllByRole("listitem")).toHaveLength(2);
    expect(within(section).queryByRole("button", { name: text.older })).toBeNull();
  });

  test("open their strip, with calipers that the keyboard moves and words read out [BED-9] [BED-10]", async () => {
    const section = await open("alarms");
    press(section, /^Evidence/);
    await tick();
    await page.settle();
    expect(page.got.at(-1)).toContain("/v1/alarms/7/evidence");
    const strip = within(section).getByRole("figure");
    const move = async (name: string, to: string): Promise<void> => {
      const slider = within(strip).getByRole<HTMLInputElement>("slider", { name });
      slider.value = to;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      await tick();
    };
    await move("Time A", "-0.5");
    await move("Time B", "0.25");
    expect(said(within(strip).getByRole("status"))).toBe("Δt 0.75 s · 1/Δt 80/min · Δ 3 %");
  });

  test("a link to an alarm leads to its strip, also to one that is not listed here [STATION-58]", async () => {
    const section = await open("signals");
    page.station.go({ page: "bed", bed: "E-01", occurrence: 7 });
    await page.settle();
    expect(page.station.bedPart).toBe("alarms");
    expect(said(within(section).getByRole("figure"))).toContain("SpO₂ low at ");
    expect(said(section)).not.toContain(text.stripElsewhere);
    stored["/v1/alarms/3/evidence"] = evidence;
    page.station.go({ page: "bed", bed: "E-01", occurrence: 3 });
    await page.settle();
    expect(said(section)).toContain(text.stripElsewhere);
    expect(said(within(section).getByRole("figure"))).toContain("Alarm of ");
  });

  test("say where nothing was kept", async () => {
    stored["/v1/alarms/7/evidence"] = { ...evidence, numerics: [] };
    const section = await open("alarms");
    press(section, /^Evidence/);
    await tick();
    await page.settle();
    expect(said(section)).toContain(text.noStrip);
  });

  test("say that they could not be read, and are read again [BED-8]", async () => {
    delete stored["/v1/journal"];
    const section = await open("alarms");
    expect(said(within(section).getByRole("alert"))).toContain("there is nothing stored");
    stored["/v1/journal"] = { events: [], next_before: null };
    press(section, text.readAgain);
    await tick();
    await page.settle();
    expect(said(section)).toContain(text.noOccurrences);
  });
});

test("L opens the limits of the bed in focus [BED-13]", async () => {
  stored["/v1/beds/E-01/limits"] = [];
  await page.show();
  await page.press("ArrowRight");
  await page.press("l");
  expect(said(screen.getByRole("tab", { selected: true }))).toBe(text.tabs.limits);
});

test("the arrow keys go along the parts of the page [BED-13]", async () => {
  const section = await open();
  const first = within(section).getByRole("tab", { selected: true });
  first.focus();
  await page.press("ArrowLeft");
  const last = within(section).getByRole("tab", { selected: true });
  expect(said(last)).toBe(text.tabs.trends);
  expect(document.activeElement).toBe(last);
});
