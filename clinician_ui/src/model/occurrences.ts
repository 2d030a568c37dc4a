// The journal of a bed as occurrences: each with how it began, what became of it, and who acted.

import type { WholeEvent } from "../feed/records";

/** What is known of an occurrence from the events that were read; its newest event speaks. */
export type Occurrence = WholeEvent;

/** Newest first, by when they were raised. */
export function occurrencesOf(events: readonly WholeEvent[]): Occurrence[] {
  const newest = new Map<number, WholeEvent>();
  const acknowledged = new Map<number, string>();
  for (const event of events) {
    const known = newest.get(event.occurrence_id);
    if (known === undefined || event.seq > known.seq) newest.set(event.occurrence_id, event);
    // An acknowledgement that has run out is no more in the last event.
    if (event.acknowledged_by !== null) {
      acknowledged.set(event.occurrence_id, event.acknowledged_by);
    }
  }
  return [...newest.values()]
    .map((event) => ({
      ...event,
      acknowledged_by: acknowledged.get(event.occurrence_id) ?? null,
    }))
    .sort((a, b) => b.raised_at - a.raised_at || b.occurrence_id - a.occurrence_id);
}
