// What alarms of an hour come to at a glance.

import type { WholeEvent } from "../feed/records";

export const HOUR_S = 3600;
export const BARS = 12;
/** Of fewer alarms nobody asks what another limit would have made. */
const NOISY_FROM = 5;

/** How many began in each five minutes of the hour before `now`, oldest first. */
export function barsOf(events: readonly WholeEvent[], now: number): number[] {
  const bars = Array<number>(BARS).fill(0);
  for (const { at } of events) {
    const place = Math.floor((BARS * (at - now + HOUR_S)) / HOUR_S);
    if (place >= 0 && place < BARS) bars[place] = (bars[place] ?? 0) + 1;
  }
  return bars;
}

/** The metric whose limits raised most alarms; null where none raised many. */
export function noisiest(events: readonly WholeEvent[]): string | null {
  const counts = new Map<string, number>();
  for (const { metric, limit } of events) {
    if (metric === null || limit === null) continue;
    counts.set(metric, (counts.get(metric) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most !== undefined && most[1] >= NOISY_FROM ? most[0] : null;
}
