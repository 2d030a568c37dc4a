// Order and presentation of alarms. Nothing is decided here: whether there is an alarm, and
// which, is the server's.

import {
  type AlarmEvent,
  AlarmKind,
  AlarmPresence,
  AlarmPriority,
  Responsibility,
} from "../wire/rpm_service/v1/alarm_pb";

/** How an alarm is drawn: the priority of a physiological one, or technical. */
export type Tone = "high" | "medium" | "low" | "technical";

/** By priority, the patient before the equipment, then onset. */
export function inOrder(alarms: Iterable<AlarmEvent>): AlarmEvent[] {
  return [...alarms].sort(
    (a, b) =>
      b.priority - a.priority ||
      Number(isTechnical(a)) - Number(isTechnical(b)) ||
      a.raisedAt - b.raisedAt ||
      // Numbers as text: the shorter is the smaller.
      a.occurrenceId.length - b.occurrenceId.length ||
      (a.occurrenceId < b.occurrenceId ? -1 : 1),
  );
}

export function isTechnical(alarm: AlarmEvent): boolean {
  return alarm.kind === AlarmKind.TECHNICAL;
}

export function toneOf(alarm: AlarmEvent): Tone {
  if (isTechnical(alarm)) return "technical";
  switch (alarm.priority) {
    case AlarmPriority.HIGH:
      return "high";
    case AlarmPriority.MEDIUM:
      return "medium";
    default:
      return "low";
  }
}

/** The condition holds and nobody has acknowledged it. */
export function isOn(alarm: AlarmEvent): boolean {
  return alarm.presence === AlarmPresence.ON;
}

/** The condition has ended; the signal waits for a reset. */
export function isLatched(alarm: AlarmEvent): boolean {
  return alarm.presence === AlarmPresence.LATCHED;
}

export function isAcknowledged(alarm: AlarmEvent): boolean {
  return alarm.presence === AlarmPresence.ACKNOWLEDGED;
}

/** Its condition holds and nobody has taken it upon themselves. */
export function waitsForSomebody(alarm: AlarmEvent): boolean {
  return !isLatched(alarm) && alarm.responsibility !== Responsibility.ACCEPTED;
}

/** How many alarms stand, as the top bar counts them. */
export function countByTone(alarms: readonly AlarmEvent[]): Record<Tone, number> {
  const counts: Record<Tone, number> = { high: 0, medium: 0, low: 0, technical: 0 };
  for (const alarm of alarms) counts[toneOf(alarm)] += 1;
  return counts;
}

/** The alarms of each bed, in their order. */
export function byBed(ordered: readonly AlarmEvent[]): Map<string, AlarmEvent[]> {
  const beds = new Map<string, AlarmEvent[]>();
  for (const alarm of ordered) {
    const sameBed = beds.get(alarm.bed);
    if (sameBed === undefined) beds.set(alarm.bed, [alarm]);
    else sameBed.push(alarm);
  }
  return beds;
}

/**
 * The alarm that a tile speaks of, and the next. What holds now comes before what has ended,
 * the patient before the equipment, then priority and onset.
 */
export function leading(ordered: readonly AlarmEvent[]): readonly AlarmEvent[] {
  const rank = (alarm: AlarmEvent): number =>
    Number(isLatched(alarm)) * 2 + Number(isTechnical(alarm));
  return ordered
    .map((alarm, place) => ({ alarm, place }))
    .sort((a, b) => rank(a.alarm) - rank(b.alarm) || a.place - b.place)
    .slice(0, 2)
    .map(({ alarm }) => alarm);
}

/** How a number is marked: by the first alarm of its metric that holds; not by what has ended. */
export function toneOfMetric(ordered: readonly AlarmEvent[], metric: string): Tone | undefined {
  const alarm = ordered.find(
    (each) => each.metric === metric && !isTechnical(each) && !isLatched(each),
  );
  return alarm && toneOf(alarm);
}

/** The alarm that `A` acknowledges: the first in order that nobody has acknowledged. */
export function highestUnacknowledged(ordered: readonly AlarmEvent[]): AlarmEvent | undefined {
  return ordered.find(isOn);
}
