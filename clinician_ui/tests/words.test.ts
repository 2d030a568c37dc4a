import { describe, expect, test } from "vitest";

import { AlarmKind, AlarmPresence } from "../src/wire/rpm_service/v1/alarm_pb";
import { AgeClass } from "../src/wire/rpm_service/v1/monitoring_pb";
import {
  ageText,
  alarmBrief,
  alarmSpoken,
  alarmText,
  clockTime,
  extremeText,
  limitsText,
  metricWords,
  pageTitle,
  patientWords,
  span,
  words,
} from "../src/words";
import { alarm, HR, NIBP, SPO2, TEMP } from "./support/frames";

const technical = { kind: AlarmKind.TECHNICAL, metric: "", limit: undefined };

describe("an alarm in brief [STATION-97]", () => {
  /** What has room in the narrowest tile, beside its symbol. */
  const LETTERS = 11;

  const ofCondition = (condition: string): string =>
    alarmBrief(alarm({ condition, metric: "SpO2", limit: undefined, text: "" }));

  test("says which way what has gone", () => {
    expect(alarmBrief(alarm())).toBe("SpO₂ ↓");
    expect(alarmBrief(alarm({ condition: "NIBPS_HIGH", metric: "NIBPs" }))).toBe("NIBPs ↑");
    expect(alarmBrief(alarm({ condition: "SPO2_FALLING", limit: undefined }))).toBe("SpO₂ ↘");
    expect(alarmBrief(alarm({ condition: "NEWS2_HIGH", metric: "NEWS2", value: 12 }))).toBe(
      "NEWS 12",
    );
  });

  test("is short for every condition at a bed, and none is as another", () => {
    const briefs = [
      ...Object.keys(words.conditions).filter((code) => !OF_THE_SERVICE.includes(code)),
      "COMBINED_WARNING",
    ].map(ofCondition);
    for (const brief of briefs) expect(brief.length, brief).toBeLessThanOrEqual(LETTERS);
    expect(new Set(briefs).size).toBe(briefs.length);
  });

  test("of a device's own words is those words", () => {
    const own = { condition: "DEVICE_7", text: "ventricular tachycardia", limit: undefined };
    expect(alarmBrief(alarm(own))).toBe("ventricular tachycardia");
  });
});

/** They have no tile. */
const OF_THE_SERVICE = ["STORAGE_DEGRADED", "EVENT_LOOP_BLOCKED", "WEBHOOK_FAILING"];

describe("an alarm in a few characters", () => {
  test("says what crossed what", () => {
    expect(alarmText(alarm())).toBe("SpO₂ 88 < 90");
    expect(alarmText(alarm({ condition: "HR_HIGH", metric: "HR", value: 134, limit: 120 }))).toBe(
      "HR 134 > 120",
    );
  });

  test("follows the number beside it while that is beyond the limit", () => {
    expect(alarmText(alarm(), 85)).toBe("SpO₂ 85 < 90");
    expect(alarmText(alarm(), 93)).toBe("SpO₂ 88 < 90");
  });

  test("asystole: says 0", () => {
    expect(alarmText(alarm({ condition: "HR_LOW", metric: "HR", value: 0, limit: 35 }), 0)).toBe(
      "HR 0 < 35",
    );
    const asystole = alarm({ condition: "ASYSTOLE", metric: "HR", value: 0, limit: undefined });
    expect(alarmText(asystole, 0)).toBe("asystole");
  });

  test("of what moves fast says so, and its metric but once", () => {
    const falling = alarm({ condition: "SPO2_FALLING", metric: "SpO2 2", limit: undefined });
    expect(alarmText(falling)).toBe("SpO₂ 2 falling");
    expect(extremeText(alarm({ ...falling, extreme: 82 }))).toBe("lowest 82");
  });

  test("has the digits of the number beside it", () => {
    const breathing = { condition: "RR_HIGH", metric: "RR", value: 33, extreme: 33, limit: 30 };
    expect(extremeText(alarm(breathing), 34.39, 0)).toBe("highest 34");
  });

  test("of what has ended keeps to its worst", () => {
    const ended = alarm({ presence: AlarmPresence.LATCHED, value: 95, extreme: 82, endedAt: 1 });
    expect(alarmText(ended, 80)).toBe("SpO₂ 82 < 90");
  });

  test("has the digits of its metric", () => {
    const fever = alarm({ condition: "TEMP_HIGH", metric: "Temp", value: 39, limit: 38.5 });
    expect(alarmText(fever, 39, 1)).toBe("Temp 39.0 > 38.5");
  });

  test.each([
    ["CONNECTION_LOST", "", "connection lost"],
    ["METRIC_STALE", "SpO2", "SpO₂ not updated"],
    ["INVALID_SIGNAL", "HR", "HR signal invalid"],
    ["SOMETHING_NEW", "HR", "HR something new"],
  ])("of the equipment is %s in plain words", (condition, metric, text) => {
    expect(alarmText(alarm({ ...technical, condition, metric }))).toBe(text);
  });

  test("of the device itself is in the device's words", () => {
    expect(alarmText(alarm({ ...technical, condition: "X", text: "check probe" }))).toBe(
      "check probe",
    );
  });
});

test("for a voice an alarm has its priority and no value that moves", () => {
  expect(alarmSpoken(alarm())).toBe("E-01 SpO₂ below 90, medium priority");
});

test("the furthest value is the lowest of a low limit and the highest of a high one", () => {
  expect(extremeText(alarm())).toBe("lowest 87");
  expect(extremeText(alarm({ condition: "HR_HIGH", extreme: 140 }))).toBe("highest 140");
  expect(extremeText(alarm({ condition: "HR_HIGH", extreme: 140 }), 143)).toBe("highest 143");
  expect(extremeText(alarm({ condition: "HR_HIGH", extreme: 140 }), 139)).toBe("highest 140");
  expect(extremeText(alarm({ ...technical, extreme: undefined }))).toBe("");
});

test("limits are high over low, with a dash for one that is not set", () => {
  expect(limitsText(HR)).toBe("120/50");
  expect(limitsText(SPO2)).toBe("–/90");
  expect(limitsText(TEMP)).toBe("");
});

test("metrics are named as people write them", () => {
  expect(NIBP.map(({ name }) => metricWords(name))).toEqual([
    "NIBP systolic",
    "NIBP diastolic",
    "NIBP mean",
  ]);
  expect(metricWords("ABPs 2")).toBe("ABP systolic 2");
  expect(metricWords("Temp 2")).toBe("Temp 2");
});

test("an age is said from seconds to hours", () => {
  const ages = [0, 2.4, 2.5, 59.9, 60, 7199, 7200, NaN].map(ageText);
  expect(ages).toEqual(["now", "now", "2 s", "59 s", "1 min", "119 min", "2 h", "?"]);
});

test("a span counts up to hours and never below zero", () => {
  expect([-3, 0, 42, 600, 3730, NaN].map(span)).toEqual([
    "0:00",
    "0:00",
    "0:42",
    "10:00",
    "1:02:10",
    "0:00",
  ]);
});

test("a time that never was is never", () => {
  expect(clockTime(0)).toBe(words.never);
  expect(clockTime(NaN)).toBe(words.never);
  expect(clockTime(1_700_000_000)).toMatch(/^\d\d:\d\d:20$/);
});

test("a patient is shown without a name [STATION-12]", () => {
  expect(patientWords("P1", AgeClass.NEONATAL)).toBe("•••• · neonate");
  expect(patientWords("", AgeClass.UNSPECIFIED)).toBe("");
  expect(patientWords("P1", AgeClass.NEONATAL, true)).toBe("P1 · neonate");
});

test("the browser's tab says how many alarms there are and where the worst is", () => {
  expect(pageTitle("ICU East", [])).toBe("ICU East");
  expect(pageTitle("ICU East", [alarm(), alarm()])).toBe("(2) !! E-01 · ICU East");
});

test.each([
  ["asystole", { condition: "ASYSTOLE", metric: "HR", value: 0, extreme: 0 }],
  ["SpO₂ falling", { condition: "SPO2_FALLING", metric: "SpO2", value: 84 }],
  ["Temp 2 rising", { condition: "TEMP_RISING", metric: "Temp 2", value: 39 }],
  ["combined warning", { condition: "COMBINED_WARNING", metric: "" }],
  ["NEWS2 7", { condition: "NEWS2_HIGH", metric: "NEWS2", value: 7, limit: 7 }],
  [
    "alarm not delivered: SPO2_LOW: level 2",
    { condition: "NOT_DELIVERED", metric: "", text: "SPO2_LOW: level 2" },
  ],
])("a condition without a limit is said in words: %s", (text, init) => {
  const about = alarm({ limit: undefined, extreme: undefined, ...init });
  expect(alarmText(about)).toBe(text);
  expect(extremeText(about)).toBe("");
});
