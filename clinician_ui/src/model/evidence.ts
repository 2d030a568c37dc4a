// The evidence strip as numbers: traces on one axis of time, and what two calipers read there.

import type { Evidence } from "../feed/records";

/** Points of a trace that is drawn; null is a gap. */
export interface Trace {
  readonly name: string;
  readonly unit: string;
  readonly isWave: boolean;
  /** Seconds from when the alarm was raised, and values. */
  readonly points: readonly { readonly at: number; readonly value: number | null }[];
  readonly low: number;
  readonly high: number;
}

/** Two places in time, in seconds from when the alarm was raised, and two values. */
export interface Calipers {
  readonly t1: number;
  readonly t2: number;
  readonly v1: number;
  readonly v2: number;
}

export interface Readout {
  readonly seconds: number;
  /** How often so long a time fits into a minute; null where there is none. */
  readonly perMinute: number | null;
  readonly value: number;
}

/** Waveforms before numerics; what has no value at all is left out. */
export function tracesOf(evidence: Evidence): Trace[] {
  const waves = evidence.waveforms.map(({ name, unit, rate_hz, chunks }) => {
    const points: { at: number; value: number | null }[] = [];
    for (const { start_at, values } of chunks) {
      const last = points.at(-1);
      const from = start_at - evidence.raised_at;
      // What was not measured is a gap, and never a line.
      if (last !== undefined && from - last.at > 1.5 / rate_hz) {
        points.push({ at: from, value: null });
      }
      values.forEach((value, i) => points.push({ at: from + i / rate_hz, value }));
    }
    return trace(name, unit, true, points);
  });
  const numerics = evidence.numerics.map(({ name, unit, at, values }) =>
    trace(
      name,
      unit,
      false,
      at.map((each, i) => ({ at: each - evidence.raised_at, value: values[i] ?? null })),
    ),
  );
  return [...waves, ...numerics].filter(({ low }) => Number.isFinite(low));
}

function trace(name: string, unit: string, isWave: boolean, points: Trace["points"]): Trace {
  let low = Infinity;
  let high = -Infinity;
  for (const { value } of points) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { name, unit, isWave, points, low, high };
}

/** The range that a trace is drawn in: its own, the limit that was crossed, and some room. */
export function rangeOf({ low, high }: Trace, limit: number | null): { low: number; high: number } {
  const least = Math.min(low, limit ?? low);
  const most = Math.max(high, limit ?? high);
  const room = most > least ? 0.1 * (most - least) : Math.max(1, Math.abs(most) * 0.05);
  return { low: least - room, high: most + room };
}

/** What lies between the calipers, in the order in which they stand. */
export function readOut({ t1, t2, v1, v2 }: Calipers): Readout {
  const seconds = Math.abs(t2 - t1);
  return { seconds, perMinute: seconds > 0 ? 60 / seconds : null, value: v2 - v1 };
}
