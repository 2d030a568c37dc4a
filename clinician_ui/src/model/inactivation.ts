// What is held back of alarm signals at a bed (IEC 60601-1-8). The server decides; the page only
// counts down, so that what has run out is not taken for in force until the next frame.

import { type AlarmEvent, Inactivation } from "../wire/rpm_service/v1/alarm_pb";
import type { BedDescription, BedInactivation } from "../wire/rpm_service/v1/monitoring_pb";

const { ALARM_OFF, ALARM_PAUSED, AUDIO_OFF, AUDIO_PAUSED } = Inactivation;

/** What is held back at a bed at `now`, on the server's clock. */
export function inForce(bed: BedDescription, now: number): BedInactivation[] {
  return bed.inactivations.filter(
    // Written so that a NaN clock holds nothing back.
    ({ state, until }) => isKnown(state) && (until === undefined || until > now),
  );
}

/** Whether it is the whole bed that is held back, and not one metric or condition. */
export function isWholeBed({ metric, condition }: BedInactivation): boolean {
  return metric === "" && condition === "";
}

/** Whether no signal of any kind is given, and not only no sound. */
export function isOfAllSignals({ state }: BedInactivation): boolean {
  return state === ALARM_PAUSED || state === ALARM_OFF;
}

/** Whether it ends by itself. */
export function isPaused({ state }: BedInactivation): boolean {
  return state === AUDIO_PAUSED || state === ALARM_PAUSED;
}

/** What tells that alarms may reach nobody: nothing holds it back. */
const NEVER_HELD_BACK = ["ALARMS_OFF", "BED_NOT_COVERED", "NOT_DELIVERED"];

/** Those that hold back something of an alarm. */
export function holdingBack(
  inactivations: readonly BedInactivation[],
  alarm: AlarmEvent,
): BedInactivation[] {
  if (NEVER_HELD_BACK.includes(alarm.condition)) return [];
  return inactivations.filter(
    ({ metric, condition }) =>
      (metric === "" || metric === alarm.metric) &&
      (condition === "" || condition === alarm.condition),
  );
}

/** What a tile speaks of: all signals before sound alone, the whole bed before a part of it. */
export function foremost(inactivations: readonly BedInactivation[]): BedInactivation | undefined {
  const rank = (each: BedInactivation): number =>
    Number(!isOfAllSignals(each)) * 2 + Number(!isWholeBed(each));
  return [...inactivations].sort((a, b) => rank(a) - rank(b))[0];
}

/** The alarms that give a signal, and those whose signals are all held back, each in order. */
export function presented(
  inactivations: readonly BedInactivation[],
  ordered: readonly AlarmEvent[],
): { given: AlarmEvent[]; withheld: AlarmEvent[] } {
  const ofAll = inactivations.filter(isOfAllSignals);
  const isWithheld = (alarm: AlarmEvent): boolean => holdingBack(ofAll, alarm).length > 0;
  return {
    given: ordered.filter((alarm) => !isWithheld(alarm)),
    withheld: ordered.filter(isWithheld),
  };
}

/** A state that this page does not know holds nothing back. */
function isKnown(state: Inactivation): boolean {
  return [AUDIO_PAUSED, AUDIO_OFF, ALARM_PAUSED, ALARM_OFF].includes(state);
}
