import { expect, test } from "vitest";

import type { Evidence } from "../../src/feed/records";
import { rangeOf, readOut, tracesOf } from "../../src/model/evidence";

const RAISED = 1000;
const wave = (...chunks: { start_at: number; values: (number | null)[] }[]): Evidence => ({
  raised_at: RAISED,
  since: RAISED - 10,
  until: RAISED + 10,
  numerics: [],
  waveforms: [{ name: "II", unit: "mV", rate_hz: 10, chunks }],
});

test("what was not measured is a gap in a trace [BED-9]", () => {
  const [trace] = tracesOf(
    wave({ start_at: 999, values: [1, 2, null, 3] }, { start_at: 1001, values: [4] }),
  );
  expect(trace?.points.map(({ value }) => value)).toEqual([1, 2, null, 3, null, 4]);
  expect(trace?.points.map(({ at }) => Number(at.toFixed(1)))).toEqual([
    -1, -0.9, -0.8, -0.7, 1, 1,
  ]);
});

test("chunks that follow each other are one line", () => {
  const [trace] = tracesOf(
    wave({ start_at: 999, values: [1, 2] }, { start_at: 999.2, values: [3] }),
  );
  expect(trace?.points.map(({ value }) => value)).toEqual([1, 2, 3]);
});

test("what has no value at all is no trace; 0 is a value", () => {
  expect(tracesOf(wave({ start_at: 999, values: [null] }))).toEqual([]);
  expect(tracesOf(wave({ start_at: 999, values: [0] }))[0]).toMatchObject({ low: 0, high: 0 });
});

test("the limit that was crossed is in the picture, however far off [BED-9]", () => {
  const [trace] = tracesOf(wave({ start_at: 999, values: [90, 92] }));
  if (trace === undefined) throw new Error("no trace");
  expect(rangeOf(trace, 120).high).toBeGreaterThan(120);
  expect(rangeOf(trace, 50).low).toBeLessThan(50);
  expect(rangeOf(trace, null).high).toBeLessThan(93);
});

test("calipers read the time, its rate and the difference of values [BED-10]", () => {
  expect(readOut({ t1: 2, t2: 1.25, v1: 0.5, v2: 1.5 })).toEqual({
    seconds: 0.75,
    perMinute: 80,
    value: 1,
  });
  expect(readOut({ t1: 1, t2: 1, v1: 0, v2: 0 }).perMinute).toBeNull();
});
