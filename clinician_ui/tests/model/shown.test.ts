import { describe, expect, test } from "vitest";

import { isSame, shownOf } from "../../src/model/shown";
import { layoutOf } from "../../src/model/tile";
import { type Bed, wardOf } from "../../src/model/ward";
import { Validity } from "../../src/wire/rpm_service/v1/alarm_pb";
import { bedOf, described, HR, NIBP, numerics, snapshot, SPO2, T0, TEMP } from "../support/frames";

const { VALID, INVALID, QUESTIONABLE } = Validity;

function bed(values: number[], observedAt: number[], validity: Validity[] = []): Bed {
  const metrics = [HR, SPO2, TEMP, ...NIBP];
  return bedOf(
    wardOf(
      snapshot({
        beds: [described({ metrics })],
        numerics: [numerics(1, values, observedAt, validity)],
      }),
    ),
  );
}

function shown(of: Bed, name: string) {
  const { main, footer } = layoutOf(of);
  const slot = [...main, ...footer].find(
    (each) => (each.kind === "single" ? each.sample.metric.name : each.name) === name,
  );
  if (slot === undefined) throw new Error(`no ${name}`);
  return shownOf(of, slot, T0);
}

const VALUES = [72, 97, 37.25, 128, 77, 94];
const TIMES = [T0 - 1, T0 - 4, T0 - 90, T0 - 720, T0 - 720, T0 - 720];

describe("a numeric as it stands on the page", () => {
  test("has its value, unit, limits and age", () => {
    expect(shown(bed(VALUES, TIMES), "HR")).toEqual({
      name: "HR",
      parameter: "hr",
      unit: "/min",
      text: "72",
      mean: "",
      absent: false,
      questionable: false,
      pending: false,
      overrides: [],
      limits: ["120/50"],
      age: "now",
      takenAt: NaN,
    });
    expect(shown(bed(VALUES, TIMES), "SpO2")).toMatchObject({ limits: ["–/90"], age: "4 s" });
  });

  test("without limits has none", () => {
    expect(shown(bed(VALUES, TIMES), "Temp")).toMatchObject({
      text: "37.3",
      unit: "°C",
      limits: [],
      age: "1 min",
    });
  });

  test("that is stale still tells its age", () => {
    const stale = shown(bed(VALUES, [T0 - 41, ...TIMES.slice(1)]), "HR");
    expect(stale).toMatchObject({ text: "--?", absent: true, age: "41 s" });
  });

  test("says in place of an age why there is no value", () => {
    expect(shown(bed([NaN], [T0]), "HR")).toMatchObject({ text: "--", age: "missing" });
    expect(shown(bed([72], [T0], [INVALID]), "HR")).toMatchObject({ text: "--", age: "invalid" });
  });
});

describe("what is drawn", () => {
  test("is the same while nothing of it differs, also where a number has no time", () => {
    const before = shown(bed(VALUES, TIMES), "HR");
    expect(isSame(before, shown(bed(VALUES, TIMES), "HR"))).toBe(true);
    expect(isSame(before, shown(bed([73], TIMES), "HR"))).toBe(false);
    expect(isSame(before, { ...before, limits: ["130/50"] })).toBe(false);
    expect(isSame(before, { ...before, age: "4 s" })).toBe(false);
  });
});

describe("a blood pressure", () => {
  test("tells when it was taken, on the clock; what is measured all the time does not", () => {
    expect(shown(bed(VALUES, TIMES), "NIBP").takenAt).toBe(T0 - 720);
    expect(shown(bed(VALUES, TIMES), "HR").takenAt).toBeNaN();
  });

  test("of yesterday has no time of day, which would be today's", () => {
    const parts = [T0 - 50_000, T0 - 50_000, T0 - 50_000];
    expect(shown(bed(VALUES, [...TIMES.slice(0, 3), ...parts]), "NIBP").takenAt).toBeNaN();
  });

  test("is systolic over diastolic and the mean, with the limits of each", () => {
    expect(shown(bed(VALUES, TIMES), "NIBP")).toMatchObject({
      unit: "mmHg",
      text: "128/77",
      mean: "(94)",
      limits: ["160/90", "90/50", "110/60"],
      age: "12 min",
    });
  });

  test("shows that one part of it is missing", () => {
    const without = shown(bed([...VALUES.slice(0, 5), NaN], TIMES), "NIBP");
    expect(without).toMatchObject({ text: "128/77", mean: "(--)", absent: false });
  });

  test("is as old as its oldest part", () => {
    const parts = [T0 - 60, T0 - 1800, T0 - 60];
    expect(shown(bed(VALUES, [...TIMES.slice(0, 3), ...parts]), "NIBP").age).toBe("30 min");
  });

  test("past its time is one mark, with its age", () => {
    const parts = [T0 - 9000, T0 - 9000, T0 - 9000];
    const stale = shown(bed(VALUES, [...TIMES.slice(0, 3), ...parts]), "NIBP");
    expect(stale).toMatchObject({ text: "--?", absent: true, age: "2 h" });
  });

  test("is marked where the device doubts one part", () => {
    const validity = [VALID, VALID, VALID, VALID, QUESTIONABLE, VALID];
    expect(shown(bed(VALUES, TIMES, validity), "NIBP").questionable).toBe(true);
  });
});
