import type { AlarmEvent } from "../wire/rpm_service/v1/alarm_pb";
import { highestUnacknowledged, isOn } from "./alarms";

/** The second press must come within this time, in seconds. */
export const CONFIRM_WITHIN_S = 3;

/** An alarm that was named after a first press and waits for the second. */
export interface Confirmation {
  readonly alarm: AlarmEvent;
  readonly until: number;
}

/**
 * What a press of the acknowledge key does at `now`: names the highest alarm, or confirms.
 *
 * The second press acknowledges what the first one named, at the priority it named, or nothing:
 * an alarm that came or rose in between was not meant.
 */
export function press(
  pending: Confirmation | null,
  ordered: readonly AlarmEvent[],
  now: number,
): { pending: Confirmation | null; acknowledge: AlarmEvent | null } {
  if (pending !== null && now <= pending.until) {
    const still = ordered.find(
      (alarm) =>
        alarm.occurrenceId === pending.alarm.occurrenceId &&
        alarm.priority === pending.alarm.priority &&
        isOn(alarm),
    );
    if (still !== undefined) return { pending: null, acknowledge: still };
  }
  const alarm = highestUnacknowledged(ordered);
  if (alarm === undefined) return { pending: null, acknowledge: null };
  return { pending: { alarm, until: now + CONFIRM_WITHIN_S }, acknowledge: null };
}
