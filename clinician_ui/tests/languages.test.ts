// Every word of the page comes out of the catalogue of its language.

import { create } from "@bufbuild/protobuf";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { speak } from "../src/language.svelte";
import { choose, languageOf } from "../src/languages";
import {
  AlarmKind,
  AlarmPresence,
  AlarmPriority,
  Inactivation,
  Responsibility,
} from "../src/wire/rpm_service/v1/alarm_pb";
import {
  EarlyWarningBand,
  EarlyWarningScoreSchema,
} from "../src/wire/rpm_service/v1/early_warning_pb";
import {
  BedInactivationSchema,
  Connection,
  LimitOverrideSchema,
} from "../src/wire/rpm_service/v1/monitoring_pb";
import { clockTime, english, words } from "../src/words";
import { alarm, described, HR, NIBP, numerics, SPO2, T0, TEMP } from "./support/frames";
import { told } from "./support/journal";
import { Page } from "./support/page";
import { foreign, PSEUDO } from "./support/pseudo";

/** What the server names, and what is written alike in every language. */
const DATA = [
  "CSV",
  "JSON",
  "E-01",
  "E-02",
  "E-03",
  "ICU East",
  "HR",
  "SpO₂",
  "NIBP",
  "Temp",
  "NEWS2",
  "RR",
];
const UNITS = ["/min", "mmHg", "°C"];

let page: Page;

beforeEach(() => {
  vi.useFakeTimers();
  page = new Page();
});

afterEach(() => {
  page.station.stop();
  speak(english);
  localStorage.clear();
  vi.useRealTimers();
});

const outside = () => foreign(document.body, [...DATA, ...UNITS]);

/** A ward in which everything that can be said is said. */
async function eventful(): Promise<void> {
  const inactivations = [
    { state: Inactivation.ALARM_OFF, metric: "HR", condition: "HR_HIGH", by: "b", since: T0 },
    { state: Inactivation.AUDIO_PAUSED, until: T0 + 60, by: "b", since: T0 },
  ].map((each) => create(BedInactivationSchema, each));
  const override = create(LimitOverrideSchema, { by: "b", until: T0 + 3600 });
  const earlyWarning = create(EarlyWarningScoreSchema, {
    at: T0,
    band: EarlyWarningBand.HIGH,
    total: 7,
    missing: ["RR"],
    subScores: [{ input: "SpO2", score: 3, observedAt: T0 }],
  });
  const metrics = [{ ...HR, override }, SPO2, TEMP, ...NIBP];
  const pending = numerics(1, [150, 84, 38.2, 120, 80, 95], [T0, T0, T0 - 300, T0, T0, T0]);
  pending.pending = [0];
  const kind = AlarmKind.TECHNICAL;
  await page.show({
    beds: [
      described({ metrics, inactivations, earlyWarning, covered: false }),
      described({ number: 2, bed: "E-02", connection: Connection.LOST }),
      described({ number: 3, bed: "E-03", connection: Connection.AWAY }),
    ],
    numerics: [pending],
    alarms: [
      alarm({ priority: AlarmPriority.HIGH }),
      alarm({
        occurrenceId: "2",
        condition: "HR_HIGH",
        metric: "HR",
        presence: AlarmPresence.ACKNOWLEDGED,
        acknowledgedBy: "b",
        acknowledgedAt: T0,
        acknowledgedUntil: T0 + 100,
        responsibility: Responsibility.REJECTED,
        responsible: "b",
      }),
      alarm({
        occurrenceId: "3",
        condition: "SPO2_HIGH",
        presence: AlarmPresence.LATCHED,
        endedAt: T0,
      }),
      ...Object.keys(english.conditions).map((condition, place) =>
        alarm({ occurrenceId: `1${place}`, kind, condition, limit: undefined, bed: "server" }),
      ),
      alarm({ occurrenceId: "4", condition: "SPO2_FALLING", limit: undefined }),
    ],
  });
}

describe("in a language that is not English no English is left [STATION-50]", () => {
  test.each(["#/", "#/bed/E-01", "#/bed/E-09", "#/alarms", "#/burden"])(
    "at %s",
    async (address) => {
      page.answer = () =>
        Response.json({
          events: [
            told({ seq: 9, phase: "responsibility", by: "b", responsible: "b", accepted: true }),
            ...["start", "end", "escalate", "reset"].map((phase, at) =>
              told({ seq: 8 - at, phase }),
            ),
          ],
          next_before: 1,
        });
      await eventful();
      history.replaceState(null, "", address);
      window.dispatchEvent(new PopStateEvent("popstate"));
      await vi.dynamicImportSettled();
      await vi.advanceTimersByTimeAsync(1000);
      await vi.advanceTimersByTimeAsync(1000);
      speak(PSEUDO);
      await tick();
      expect(outside()).toEqual([]);
      expect(document.body.textContent).toContain("⟦");
      page.station.sound.armed = true;
      await page.press("a");
      await page.press("g");
      expect(outside()).toEqual([]);
    },
  );

  test("before the first frame, without beds, when nothing is monitored, and signed out", async () => {
    speak(PSEUDO);
    await tick();
    expect(outside()).toEqual([]);
    await page.show({ beds: [], numerics: [] });
    expect(outside()).toEqual([]);
    await page.pass(6);
    expect(document.body.textContent).toContain(`⟦${english.notMonitoring}⟧`);
    expect(outside()).toEqual([]);
  });
});

test("the words of the page, its numbers and its language change while it monitors [STATION-51]", async () => {
  await page.show({ beds: [described({ metrics: [TEMP] })], numerics: [numerics(1, [38.2])] });
  speak({ ...english, tag: "xx", decimalSign: ",", ward: "Stationo" });
  await tick();
  expect(document.querySelector("nav")?.textContent).toContain("Stationo");
  expect(document.querySelector(".tile")?.textContent).toContain("38,2");
  expect(document.documentElement.lang).toBe("xx");
  expect(words.never).toBe(english.never);
  expect(clockTime(NaN)).toBe(english.never);
});

describe("a person's language [STATION-51]", () => {
  const languages = [english, PSEUDO];

  test("is what they chose, at this browser, and not what another chose", () => {
    choose("anna", PSEUDO);
    expect(words.ward).toBe(`⟦${english.ward}⟧`);
    expect(languageOf("anna", languages, ["en-GB"])).toBe(PSEUDO);
    expect(languageOf("bo", languages, ["en-GB"])).toBe(english);
  });

  test("is that of the browser until they choose, and English where there is none of those", () => {
    expect(languageOf("anna", languages, ["fr-CH", "qps-ploc", "en"])).toBe(PSEUDO);
    expect(languageOf("anna", languages, ["fr"])).toBe(english);
  });
});
