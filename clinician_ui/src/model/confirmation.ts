// An act that silences takes two steps: the first press names what will be silent, the second does
// it. The second is of exactly what was named; what came or rose in between was not meant.

import type { AlarmEvent } from "../wire/rpm_service/v1/alarm_pb";
import { highestUnacknowledged, isOn } from "./alarms";

/** The second press must come within this time, in seconds. */
export const CONFIRM_WITHIN_S = 5;

/** What silences: one alarm, or all sound of a bed. */
export type Silencing =
  | { readonly act: "acknowledge"; readonly alarm: AlarmEvent }
  | { readonly act: "pause"; readonly bed: string };

/** What was named by a first press and waits for the second. */
export interface Confirmation {
  readonly what: Silencing;
  /** On the clock of the page. */
  readonly until: number;
}

/** The first press. */
export function named(what: Silencing, now: number): Confirmation {
  return { what, until: now + CONFIRM_WITHIN_S };
}

/** Whether a press of `what` at `now` is the second one. */
export function confirms(pending: Confirmation | null, what: Silencing, now: number): boolean {
  return pending !== null && now <= pending.until && isSame(pending.what, what);
}

/** The alarm that the acknowledge key is about: the one that was named, else the highest. */
export function keyed(
  pending: Confirmation | null,
  ordered: readonly AlarmEvent[],
  now: number,
): AlarmEvent | undefined {
  const meant = ordered.find(
    (alarm) => isOn(alarm) && confirms(pending, { act: "acknowledge", alarm }, now),
  );
  return meant ?? highestUnacknowledged(ordered);
}

function isSame(a: Silencing, b: Silencing): boolean {
  if (a.act === "pause" || b.act === "pause") {
    return a.act === "pause" && b.act === "pause" && a.bed === b.bed;
  }
  return a.alarm.occurrenceId === b.alarm.occurrenceId && a.alarm.priority === b.alarm.priority;
}
