import { describe, expect, test } from "vitest";

import {
  burst,
  CHARACTER,
  HARMONICS,
  lengthOf,
  type Pulse,
  selfTest,
} from "../../src/sound/pattern";
import { AlarmPriority } from "../../src/wire/rpm_service/v1/alarm_pb";

const { HIGH, MEDIUM, LOW } = AlarmPriority;
const ALL = [HIGH, MEDIUM, LOW] as const;

/** Silences between the pulses of a burst, in milliseconds. */
function gaps(pulses: readonly Pulse[]): number[] {
  return pulses
    .slice(1)
    .map((pulse, place) => Math.round(1000 * (pulse.at_s - lengthOf(pulses.slice(0, place + 1)))));
}

const lengths = (pulses: readonly Pulse[]) => pulses.map(({ length_s }) => length_s);

describe("a burst, by IEC 60601-1-8 [STATION-16]", () => {
  test("of HIGH has 3 + 2 pulses, twice; pulses of 75 to 200 ms, 50 to 125 ms apart", () => {
    const pulses = burst(HIGH);
    expect(pulses).toHaveLength(10);
    for (const length_s of lengths(pulses)) {
      expect(length_s).toBeGreaterThanOrEqual(0.075);
      expect(length_s).toBeLessThanOrEqual(0.2);
    }
    const x = CHARACTER[HIGH].spacing_s * 1000;
    const groups = 2 * x + CHARACTER[HIGH].pulse_s * 1000;
    expect(x).toBeGreaterThanOrEqual(50);
    expect(x).toBeLessThanOrEqual(125);
    expect(gaps(pulses)).toEqual([x, x, groups, x, 500, x, x, groups, x]);
  });

  test("of HIGH has 350 to 1300 ms between its halves", () => {
    const between = gaps(burst(HIGH))[4];
    expect(between).toBeGreaterThanOrEqual(350);
    expect(between).toBeLessThanOrEqual(1300);
  });

  test.each([
    ["MEDIUM", MEDIUM, 3],
    ["LOW", LOW, 2],
  ] as const)("of %s has pulses of 125 to 250 ms, as far apart", (_, priority, count) => {
    const pulses = burst(priority);
    expect(pulses).toHaveLength(count);
    for (const length_s of lengths(pulses)) {
      expect(length_s).toBeGreaterThanOrEqual(0.125);
      expect(length_s).toBeLessThanOrEqual(0.25);
    }
    for (const gap of gaps(pulses)) {
      expect(gap).toBeGreaterThanOrEqual(125);
      expect(gap).toBeLessThanOrEqual(250);
    }
  });

  test("comes again after 2.5 to 15 s for HIGH, 2.5 to 30 s for MEDIUM, more than 15 s for LOW", () => {
    expect(CHARACTER[HIGH].interval_s_min).toBeGreaterThanOrEqual(2.5);
    expect(CHARACTER[HIGH].interval_s).toBeLessThanOrEqual(15);
    expect(CHARACTER[MEDIUM].interval_s_min).toBeGreaterThanOrEqual(2.5);
    expect(CHARACTER[MEDIUM].interval_s).toBeLessThanOrEqual(30);
    expect(CHARACTER[LOW].interval_s_min).toBeGreaterThanOrEqual(15);
    for (const priority of ALL) {
      const { interval_s, interval_s_min } = CHARACTER[priority];
      expect(interval_s).toBeGreaterThan(interval_s_min);
    }
  });

  test("has a fundamental of 150 to 1000 Hz, and four harmonics from 300 to 4000 Hz within 15 dB", () => {
    for (const priority of ALL) {
      const { pitch_hz } = CHARACTER[priority];
      expect(pitch_hz).toBeGreaterThanOrEqual(150);
      expect(pitch_hz).toBeLessThanOrEqual(1000);
      const heard = HARMONICS.slice(1).filter((amplitude, place) => {
        const hertz = pitch_hz * (place + 2);
        return hertz >= 300 && hertz <= 4000 && Math.abs(20 * Math.log10(amplitude)) <= 15;
      });
      expect(heard.length).toBeGreaterThanOrEqual(4);
    }
  });
});

test.each([
  ["HIGH than MEDIUM", HIGH, MEDIUM],
  ["MEDIUM than LOW", MEDIUM, LOW],
] as const)("nothing is less urgent in %s [STATION-16]", (_, higher, lower) => {
  expect(burst(higher).length).toBeGreaterThan(burst(lower).length);
  const [more, less] = [CHARACTER[higher], CHARACTER[lower]];
  expect(more.pulse_s).toBeLessThan(less.pulse_s);
  expect(more.spacing_s).toBeLessThan(less.spacing_s);
  expect(more.interval_s).toBeLessThan(less.interval_s);
  expect(more.interval_s_min).toBeLessThanOrEqual(less.interval_s_min);
  expect(more.pitch_hz).toBeGreaterThan(less.pitch_hz);
});

test("the self-test is every pattern once, from the least urgent, apart [STATION-57]", () => {
  const parts = selfTest();
  expect(parts.map(({ priority }) => priority)).toEqual([LOW, MEDIUM, HIGH]);
  for (const { priority, from_s, pulses } of parts) {
    const pattern = pulses.map((pulse) => ({ ...pulse, at_s: pulse.at_s - from_s }));
    expect(pattern).toHaveLength(burst(priority).length);
    pattern.forEach((pulse, place) => {
      const same = burst(priority)[place];
      expect(pulse).toMatchObject({ length_s: same?.length_s, pitch_hz: same?.pitch_hz });
      expect(pulse.at_s).toBeCloseTo(same?.at_s ?? NaN);
    });
  }
  const gaps = parts.slice(1).map(({ from_s }, place) => from_s - (parts[place]?.until_s ?? NaN));
  for (const gap of gaps) expect(gap).toBeCloseTo(1);
});
