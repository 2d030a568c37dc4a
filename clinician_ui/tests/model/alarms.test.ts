import { describe, expect, test } from "vitest";

import {
  byBed,
  countByTone,
  highestUnacknowledged,
  inOrder,
  leading,
  toneOf,
  toneOfMetric,
} from "../../src/model/alarms";
import { AlarmKind, AlarmPresence, AlarmPriority } from "../../src/wire/rpm_service/v1/alarm_pb";
import { alarm, T0 } from "../support/frames";

const { HIGH, MEDIUM, LOW } = AlarmPriority;
const { ON, ACKNOWLEDGED, LATCHED } = AlarmPresence;
const ids = (alarms: readonly { occurrenceId: string }[]) =>
  alarms.map((each) => each.occurrenceId);

const low = alarm({ occurrenceId: "1", priority: LOW, raisedAt: T0 - 90 });
const medium = alarm({ occurrenceId: "2", priority: MEDIUM, raisedAt: T0 - 10 });
const older = alarm({ occurrenceId: "3", priority: MEDIUM, raisedAt: T0 - 20, bed: "E-02" });
const high = alarm({ occurrenceId: "4", priority: HIGH, raisedAt: T0 });
const latched = alarm({ occurrenceId: "5", priority: HIGH, presence: LATCHED, raisedAt: T0 - 60 });
const technical = alarm({
  occurrenceId: "6",
  kind: AlarmKind.TECHNICAL,
  priority: HIGH,
  condition: "CONNECTION_LOST",
  metric: "",
});

test("alarms stand by priority, then onset", () => {
  expect(ids(inOrder([low, medium, high, older]))).toEqual(["4", "3", "2", "1"]);
});

test("the patient stands before the equipment of the same priority, however old that is", () => {
  const uncovered = alarm({
    occurrenceId: "9",
    kind: AlarmKind.TECHNICAL,
    condition: "BED_NOT_COVERED",
    raisedAt: T0 - 600,
  });
  expect(ids(inOrder([uncovered, low, medium]))).toEqual(["2", "9", "1"]);
});

test("of the same priority and onset, the occurrence that came first stands first", () => {
  const tenth = alarm({ occurrenceId: "10" });
  const ninth = alarm({ occurrenceId: "9" });
  expect(ids(inOrder([tenth, ninth]))).toEqual(["9", "10"]);
});

test("each priority has its own tone, and equipment another", () => {
  expect([high, medium, low, technical].map(toneOf)).toEqual([
    "high",
    "medium",
    "low",
    "technical",
  ]);
  expect(countByTone([high, latched, medium, technical])).toEqual({
    high: 2,
    medium: 1,
    low: 0,
    technical: 1,
  });
});

test("alarms of a bed keep their order", () => {
  expect(ids(byBed(inOrder([low, older, high])).get("E-01") ?? [])).toEqual(["4", "1"]);
});

describe("a tile speaks", () => {
  test("of what holds before what has ended", () => {
    expect(ids(leading(inOrder([latched, low])))).toEqual(["1", "5"]);
  });

  test("of the patient before the equipment", () => {
    expect(ids(leading(inOrder([technical, low])))).toEqual(["1", "6"]);
  });

  test("of two alarms at most", () => {
    expect(leading(inOrder([low, medium, high]))).toHaveLength(2);
  });
});

describe("a number", () => {
  test("has the tone of the alarm that it caused", () => {
    expect(toneOfMetric([high, medium], "SpO2")).toBe("high");
    expect(toneOfMetric([high], "HR")).toBeUndefined();
  });

  test("has none of what has ended, or of the equipment", () => {
    expect(toneOfMetric([latched], "SpO2")).toBeUndefined();
    expect(toneOfMetric([alarm({ kind: AlarmKind.TECHNICAL })], "SpO2")).toBeUndefined();
  });
});

test("the highest alarm that waits is neither acknowledged nor ended", () => {
  const acknowledged = alarm({ occurrenceId: "8", priority: HIGH, presence: ACKNOWLEDGED });
  expect(highestUnacknowledged(inOrder([acknowledged, latched, low]))).toBe(low);
  expect(low.presence).toBe(ON);
  expect(highestUnacknowledged([latched])).toBeUndefined();
});
