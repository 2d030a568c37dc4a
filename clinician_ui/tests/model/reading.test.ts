import { describe, expect, test } from "vitest";

import { formatValue, lastObservedAt, read } from "../../src/model/reading";
import { Validity } from "../../src/wire/rpm_service/v1/alarm_pb";
import { Connection } from "../../src/wire/rpm_service/v1/monitoring_pb";
import { bedWith, T0, TEMP } from "../support/frames";

describe("a value", () => {
  test("is current up to and including the age at which it goes stale", () => {
    const [bed, sample] = bedWith({});
    expect(read(bed, sample, T0 + 5)).toMatchObject({ state: "current", text: "72", age_s: 5 });
    expect(read(bed, sample, T0 + 5.1).state).toBe("stale");
  });

  test("that is stale is not shown, and says how old it is", () => {
    const [bed, sample] = bedWith({});
    expect(read(bed, sample, T0 + 41)).toEqual({ state: "stale", text: "--?", age_s: 41 });
  });

  test("asystole: a heart rate of 0 is shown as 0", () => {
    const [bed, sample] = bedWith({ value: 0 });
    expect(read(bed, sample, T0)).toMatchObject({ state: "current", text: "0" });
  });

  test.each([
    ["NaN", { value: NaN }],
    ["infinite", { value: Infinity }],
    ["reported as missing", { validity: Validity.MISSING }],
    ["never observed", { observedAt: 0 }],
  ])("that is %s is missing", (_, sample) => {
    expect(read(...bedWith(sample), T0)).toEqual({ state: "missing", text: "--" });
  });

  test("that the device says not to use is not shown [STATION-4]", () => {
    const [bed, sample] = bedWith({ validity: Validity.INVALID });
    expect(read(bed, sample, T0)).toEqual({ state: "invalid", text: "--" });
  });

  test("that the device doubts is shown and marked", () => {
    const [bed, sample] = bedWith({ validity: Validity.QUESTIONABLE });
    expect(read(bed, sample, T0)).toMatchObject({ state: "current", questionable: true });
  });

  test.each([Connection.LOST, Connection.AWAY, Connection.UNSPECIFIED])(
    "of a bed whose connection is %s is not shown, however new",
    (connection) => {
      const [bed, sample] = bedWith({}, connection);
      expect(read(bed, sample, T0)).toEqual({ state: "stale", text: "--?", age_s: 0 });
    },
  );

  test("is not shown while the server's clock is not known", () => {
    const [bed, sample] = bedWith({});
    expect(read(bed, sample, NaN)).toEqual({ state: "stale", text: "--?", age_s: NaN });
  });

  test("a little ahead of the clock is now; far ahead it has no known age and is not shown", () => {
    const [bed, sample] = bedWith({ observedAt: T0 + 2 });
    expect(read(bed, sample, T0)).toMatchObject({ state: "current", age_s: 0 });
    const [other, ahead] = bedWith({ observedAt: T0 + 60 });
    expect(read(other, ahead, T0)).toEqual({ state: "stale", text: "--?", age_s: NaN });
  });

  test("has the digits of its metric", () => {
    expect(read(...bedWith({ metric: TEMP, value: 37 }), T0).text).toBe("37.0");
    expect(formatValue(-0.04, 1)).toBe("0.0");
    expect(formatValue(-3, 0)).toBe("-3");
  });
});

test("the last observation of a bed is its newest; 0 where there was none", () => {
  const [bed] = bedWith({ observedAt: T0 - 9 });
  expect(lastObservedAt(bed)).toBe(T0 - 9);
  expect(lastObservedAt({ ...bed, samples: [] })).toBe(0);
});
