// What each priority sounds like: bursts of pulses after IEC 60601-1-8 (2006+A1:2012+A2:2020),
// 6.3.3.1 and its table of auditory alarm signals. Times in seconds, pitches in hertz.
//
// A higher priority has more pulses, faster ones, higher ones, and repeats them sooner.

import { AlarmPriority } from "../wire/rpm_service/v1/alarm_pb";

export type SoundingPriority = AlarmPriority.HIGH | AlarmPriority.MEDIUM | AlarmPriority.LOW;

export interface Pulse {
  /** From the beginning of its burst. */
  readonly at_s: number;
  readonly length_s: number;
  readonly pitch_hz: number;
}

interface Character {
  readonly pulse_s: number;
  /** Silence between two pulses of a group. */
  readonly spacing_s: number;
  readonly pitch_hz: number;
  /** Silence from one burst to the next while the alarm lasts. */
  readonly interval_s: number;
  /** The shortest that the standard allows; for an alarm that has not been heard yet. */
  readonly interval_s_min: number;
}

const { HIGH, MEDIUM, LOW } = AlarmPriority;

export const CHARACTER: Record<SoundingPriority, Character> = {
  [HIGH]: { pulse_s: 0.15, spacing_s: 0.1, pitch_hz: 523.25, interval_s: 4, interval_s_min: 2.5 },
  [MEDIUM]: { pulse_s: 0.2, spacing_s: 0.2, pitch_hz: 392, interval_s: 10, interval_s_min: 2.5 },
  [LOW]: { pulse_s: 0.25, spacing_s: 0.25, pitch_hz: 261.63, interval_s: 25, interval_s_min: 15 },
};

/** Silence between the two halves of a HIGH burst. */
const HALVES_APART_S = 0.5;

/** Amplitudes of the fundamental and its harmonics: all within 15 dB of one another, and at
 * every pitch above at least four of them from 300 to 4000 Hz. */
export const HARMONICS = [1, 0.8, 0.7, 0.6, 0.5, 0.4] as const;

/** A pulse swells and fades over this part of its length, so that it does not click. */
export const EDGE_PART = 0.15;

/** One burst: HIGH 3 + 2 pulses, twice; MEDIUM 3; LOW 2. */
export function burst(priority: SoundingPriority): readonly Pulse[] {
  switch (priority) {
    case HIGH: {
      const half = pulses(HIGH, [3, 2]);
      const again = lengthOf(half) + HALVES_APART_S;
      return [...half, ...half.map((pulse) => ({ ...pulse, at_s: pulse.at_s + again }))];
    }
    case MEDIUM:
      return pulses(MEDIUM, [3]);
    case LOW:
      return pulses(LOW, [2]);
  }
}

/** Silence between two patterns of the self-test. */
const TEST_APART_S = 1;

/** The pattern of one priority within the self-test. */
export interface TestPart {
  readonly priority: SoundingPriority;
  /** From the beginning of the test. */
  readonly from_s: number;
  readonly until_s: number;
  readonly pulses: readonly Pulse[];
}

/** What a person hears of the self-test: each pattern once, from the least urgent on. */
export function selfTest(): readonly TestPart[] {
  const parts: TestPart[] = [];
  let from_s = 0;
  for (const priority of [LOW, MEDIUM, HIGH] as const) {
    const begin_s = from_s;
    const pulses = burst(priority).map((each) => ({ ...each, at_s: begin_s + each.at_s }));
    const until_s = lengthOf(pulses);
    parts.push({ priority, from_s, until_s, pulses });
    from_s = until_s + TEST_APART_S;
  }
  return parts;
}

export function lengthOf(pulses: readonly Pulse[]): number {
  return Math.max(...pulses.map(({ at_s, length_s }) => at_s + length_s));
}

/** Groups of pulses; between two groups is twice the spacing and the length of a pulse. */
function pulses(priority: SoundingPriority, groups: readonly number[]): Pulse[] {
  const { pulse_s: length_s, spacing_s, pitch_hz } = CHARACTER[priority];
  const made: Pulse[] = [];
  let at_s = 0;
  for (const count of groups) {
    for (let pulse = 0; pulse < count; pulse++) {
      made.push({ at_s, length_s, pitch_hz });
      at_s += length_s + spacing_s;
    }
    at_s += spacing_s + length_s;
  }
  return made;
}
