// Bursts over time, as a person would hear them. Times in seconds.

import { expect, test } from "vitest";

import { burst, CHARACTER, lengthOf } from "../../src/sound/pattern";
import {
  type Call,
  type Calls,
  decide,
  type Schedule,
  SILENT,
  START_EVERY_S_MIN,
} from "../../src/sound/schedule";
import { AlarmPriority } from "../../src/wire/rpm_service/v1/alarm_pb";

const { HIGH, MEDIUM, LOW } = AlarmPriority;
const high: Call = { id: "1", priority: HIGH };
const medium: Call = { id: "2", priority: MEDIUM };
const low: Call = { id: "3", priority: LOW };

const calls = (...sounding: Call[]): Calls => ({ sounding, silenced: new Set() });

interface Heard {
  readonly at: number;
  readonly what: string;
}

/** Looks every `every` seconds at what calls then, and notes what begins and what is cut off. */
function listen(seconds: number, calling: (at: number) => Calls, every = 0.25): Heard[] {
  const heard: Heard[] = [];
  let schedule: Schedule = SILENT;
  for (let look = 0; look * every <= seconds; look++) {
    const at = look * every;
    const decision = decide(schedule, calling(at), at);
    schedule = decision.schedule;
    if (decision.play !== null) heard.push({ at, what: String(decision.play.length) });
    else if (decision.stop) heard.push({ at, what: "cut" });
  }
  return heard;
}

const PULSES = { [HIGH]: "10", [MEDIUM]: "3", [LOW]: "2" };
const starts = (heard: readonly Heard[], what: string) =>
  heard.filter((each) => each.what === what).map(({ at }) => at);

test("nothing sounds while nothing calls", () => {
  expect(listen(60, () => calls())).toEqual([]);
});

test.each([high, medium, low])("$priority sounds at once and again by its interval", (call) => {
  const heard = listen(120, () => calls(call), 0.05);
  const times = starts(heard, PULSES[call.priority]);
  expect(times[0]).toBe(0);
  const period = lengthOf(burst(call.priority)) + CHARACTER[call.priority].interval_s;
  for (const [place, at] of times.slice(1).entries()) {
    expect(at - (times[place] ?? NaN)).toBeCloseTo(period, 0);
  }
  expect(times.length).toBeGreaterThan(3);
});

test("only the highest priority is heard [STATION-17]", () => {
  const heard = listen(60, () => calls(low, medium, high));
  expect(new Set(heard.map(({ what }) => what))).toEqual(new Set(["10"]));
});

test("a higher priority breaks in at once [STATION-17]", () => {
  const heard = listen(3, (at) => (at < 0.5 ? calls(medium) : calls(medium, high)));
  expect(heard).toEqual([
    { at: 0, what: "3" },
    { at: 0.5, what: "10" },
  ]);
});

test("an alarm that rises in priority is heard at once", () => {
  const risen: Call = { id: "2", priority: HIGH };
  const heard = listen(4, (at) => calls(at < 2 ? medium : risen));
  expect(starts(heard, "10")).toEqual([2]);
});

test("a second alarm of the same priority does not wait for the first one's interval", () => {
  const second: Call = { id: "9", priority: MEDIUM };
  const heard = listen(9, (at) => (at < 2 ? calls(medium) : calls(medium, second)));
  expect(starts(heard, "3")).toEqual([0, START_EVERY_S_MIN]);
});

test("what the server says begins no burst of its own is heard when one is due", () => {
  const again: Call = { id: "9", priority: MEDIUM, joins: true };
  const heard = listen(30, (at) => (at < 0.5 ? calls(medium) : calls(again)));
  expect(starts(heard, "3")).toEqual([0, 11, 22]);
  expect(
    starts(
      listen(1, () => calls(again)),
      "3",
    ),
  ).toEqual([0]);
});

test("fifty toggles a second are one burst in five seconds [STATION-18]", () => {
  let occurrence = 100;
  const heard = listen(
    30,
    (at) =>
      Math.round(at * 100) % 2 === 0
        ? calls({ id: String(occurrence++), priority: HIGH })
        : calls(),
    0.01,
  );
  const times = starts(heard, "10");
  expect(times.length).toBeGreaterThan(3);
  for (const [place, at] of times.slice(1).entries()) {
    expect(at - (times[place] ?? NaN)).toBeGreaterThanOrEqual(START_EVERY_S_MIN);
  }
});

test("a condition that falls and rises in priority fifty times a second is bounded too [STATION-18]", () => {
  const heard = listen(
    30,
    (at) => calls({ id: "1", priority: Math.round(at * 100) % 2 === 0 ? MEDIUM : HIGH }),
    0.01,
  );
  for (const what of ["10", "3"]) {
    const times = starts(heard, what);
    for (const [place, at] of times.slice(1).entries()) {
      expect(at - (times[place] ?? NaN)).toBeGreaterThanOrEqual(START_EVERY_S_MIN);
    }
  }
});

test("a burst is heard whole, however short its alarm was [STATION-19]", () => {
  expect(listen(10, (at) => (at < 0.25 ? calls(high) : calls()))).toEqual([{ at: 0, what: "10" }]);
});

test("a person who silences an alarm is not kept waiting for the end of its burst [STATION-19]", () => {
  const silenced = { sounding: [], silenced: new Set(["1"]) };
  expect(listen(10, (at) => (at < 1 ? calls(high) : silenced))).toEqual([
    { at: 0, what: "10" },
    { at: 1, what: "cut" },
  ]);
});

test("a burst that calls for another alarm too is not cut off", () => {
  const other: Call = { id: "9", priority: HIGH };
  const half = { sounding: [other], silenced: new Set(["1"]) };
  const heard = listen(3, (at) => (at < 1 ? calls(high, other) : half));
  expect(heard).toEqual([{ at: 0, what: "10" }]);
});

test("what was silenced for a time and still holds sounds again when that ends", () => {
  const silenced = { sounding: [], silenced: new Set(["2"]) };
  const heard = listen(40, (at) => (at >= 5 && at < 35 ? silenced : calls(medium)));
  expect(starts(heard, "3")).toEqual([0, 35]);
});

test("the lower priority is heard once the higher has ended", () => {
  const heard = listen(12, (at) => (at < 2 ? calls(high, medium) : calls(medium)));
  expect(starts(heard, "3")).toEqual([6]);
});
