import { expect, test } from "vitest";

import type { WholeEvent } from "../../src/feed/records";
import { BARS, barsOf, noisiest } from "../../src/model/lastHour";
import { T0 } from "../support/frames";
import { told } from "../support/journal";

const began = (at: number, init: Record<string, unknown> = {}) =>
  told({ at, ...init }) as unknown as WholeEvent;

test("an alarm is in the five minutes in which it began, and none is lost at an edge", () => {
  const at = [T0 - 3600, T0 - 3301, T0 - 3300, T0 - 1, T0 - 1];
  const bars = barsOf(
    at.map((each) => began(each)),
    T0,
  );
  expect(bars).toEqual([2, 1, ...Array<number>(BARS - 3).fill(0), 2]);
  expect(barsOf([began(T0 - 3601), began(T0)], T0)).toEqual(Array<number>(BARS).fill(0));
});

test("the noisiest metric is that whose limits raised most, from five on", () => {
  const of = (count: number, init: Record<string, unknown>) =>
    Array.from({ length: count }, () => began(T0, init));
  const unlimited = of(9, { metric: "HR", condition: "ASYSTOLE", limit: null });
  const few = [...unlimited, ...of(4, { metric: "SpO2" })];
  expect(noisiest(few)).toBeNull();
  expect(noisiest([...few, ...of(1, { metric: "SpO2" }), ...of(2, { metric: "RR" })])).toBe("SpO2");
});
