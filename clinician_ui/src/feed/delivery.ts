// Which alarm events the server must still hear of as presented.
//
// The server takes an event that no page confirms for one that nobody saw, and calls others. So
// a page confirms only what its view has drawn, and confirms that at least once: what it said on
// a connection that then died may have been lost, and is said again on the next.

import type { AlarmEvent } from "../wire/rpm_service/v1/alarm_pb";

/** Events in one frame; the contract's bound. */
export const CONFIRMED_AT_ONCE_MAX = 256;
/** Events that wait to be drawn, as in a hidden tab; the oldest is forgotten first, and is long
 * since an alarm of its own at the server. */
const WAITING_MAX = 4096;
/** Confirmed events that are repeated on a new connection: more than can have been on the way. */
const REPEATED_MAX = 256;

/** Names one event in the life of one occurrence. */
export type EventId = Pick<AlarmEvent, "occurrenceId" | "eventSeq">;

export interface Deliveries {
  /** Told to this page, not yet confirmed. */
  readonly waiting: readonly EventId[];
  /** Confirmed last. */
  readonly confirmed: readonly EventId[];
}

export const NO_DELIVERIES: Deliveries = { waiting: [], confirmed: [] };

/** A delta told these events. */
export function told(before: Deliveries, events: readonly AlarmEvent[]): Deliveries {
  if (events.length === 0) return before;
  const waiting = [...before.waiting, ...events.map(named)].slice(-WAITING_MAX);
  return { ...before, waiting };
}

/** A snapshot told every alarm anew, on a connection that knows nothing of what was confirmed. */
export function toldAnew(before: Deliveries, alarms: readonly AlarmEvent[]): Deliveries {
  const repeated = { waiting: [...before.confirmed, ...before.waiting], confirmed: [] };
  return told(repeated, alarms);
}

/** Everything that waits has been drawn: what to say, in frames, and what is left after. */
export function drawn(before: Deliveries): { frames: EventId[][]; deliveries: Deliveries } {
  const { waiting } = before;
  const frames: EventId[][] = [];
  for (let first = 0; first < waiting.length; first += CONFIRMED_AT_ONCE_MAX) {
    frames.push(waiting.slice(first, first + CONFIRMED_AT_ONCE_MAX));
  }
  const confirmed = [...before.confirmed, ...waiting].slice(-REPEATED_MAX);
  return { frames, deliveries: { waiting: [], confirmed } };
}

function named({ occurrenceId, eventSeq }: AlarmEvent): EventId {
  return { occurrenceId, eventSeq };
}
