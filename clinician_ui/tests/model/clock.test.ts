import { expect, test } from "vitest";

import { hearClock, serverTime } from "../../src/model/clock";

test("there is no server's time before a frame has told it", () => {
  expect(serverTime(null, 10)).toBeNaN();
});

test("the server's time goes on between frames", () => {
  const clock = hearClock(null, 5000, 10);
  expect(serverTime(clock, 12.5)).toBe(5002.5);
});

test("a frame that waited on its way does not make values look newer", () => {
  let clock = hearClock(null, 5000, 10);
  clock = hearClock(clock, 5001, 14);
  expect(serverTime(clock, 14)).toBeGreaterThan(5003.9);
});

test("a frame that came sooner corrects the estimate at once", () => {
  let clock = hearClock(null, 5000, 13);
  clock = hearClock(clock, 5001, 11.5);
  expect(serverTime(clock, 11.5)).toBe(5001);
});

test("a server's clock that runs slow is followed as fast as clocks drift", () => {
  let clock = hearClock(null, 5000, 0);
  for (let now = 1; now <= 1000; now++) clock = hearClock(clock, 5000 + now * 0.999, now);
  expect(serverTime(clock, 1000)).toBeCloseTo(5999, 1);
});
