// The ward as the server last told it. Plain values, reduced from Snapshot and Delta; what did
// not change keeps its identity, so that only tiles with news are drawn again.

import { type AlarmEvent, AlarmPresence, Validity } from "../wire/rpm_service/v1/alarm_pb";
import type {
  BedDescription,
  BedNumerics,
  Delta,
  MetricDescription,
  Snapshot,
} from "../wire/rpm_service/v1/monitoring_pb";

/** Ended occurrences that are remembered, so that a late repeat does not raise them again. */
const ENDED_MAX = 256;

/** A metric of a bed with its newest value, whatever its age: see reading.ts before showing it. */
export interface Sample {
  readonly metric: MetricDescription;
  /** In the metric's unit; NaN where there is none. */
  readonly value: number;
  /** On the server's clock; 0 where there never was a value. */
  readonly observedAt: number;
  readonly validity: Validity;
  /** A limit is violated and its delay still runs. */
  readonly pending: boolean;
}

export interface Bed {
  readonly description: BedDescription;
  /** By the positions of description.metrics. */
  readonly samples: readonly Sample[];
}

export interface Ward {
  /** By number, in the server's order. */
  readonly beds: ReadonlyMap<number, Bed>;
  /** Every occurrence whose signal is not OFF, by occurrence. */
  readonly alarms: ReadonlyMap<string, AlarmEvent>;
  /** Last event of occurrences that ended. */
  readonly ended: ReadonlyMap<string, number>;
}

export const EMPTY_WARD: Ward = { beds: new Map(), alarms: new Map(), ended: new Map() };

/** "Bed 2" comes before "Bed 10". */
export const NAMES = new Intl.Collator("en", { numeric: true });

/** Beds as a person looks for them: by unit, then name. No alarm moves one. */
export function inPlaces(beds: Ward["beds"]): Bed[] {
  return [...beds.values()].sort(
    ({ description: a }, { description: b }) =>
      NAMES.compare(a.unit, b.unit) || NAMES.compare(a.bed, b.bed) || a.number - b.number,
  );
}

/** Beds by the name that alarms speak of. */
export function byName(beds: Ward["beds"]): ReadonlyMap<string, Bed> {
  return new Map([...beds.values()].map((bed) => [bed.description.bed, bed]));
}

/** Names of beds that were on the page and are not in what came in its place. */
export function gone(before: Ward, after: Ward): string[] {
  const still = byName(after.beds);
  return [...byName(before.beds).keys()].filter((name) => !still.has(name)).sort(NAMES.compare);
}

/** Everything as it stands; nothing of what was known before remains. */
export function wardOf(snapshot: Snapshot): Ward {
  return reduce(EMPTY_WARD, snapshot);
}

/** The ward after a delta. */
export function withDelta(ward: Ward, delta: Delta): Ward {
  return reduce(ward, delta);
}

function reduce(ward: Ward, frame: Pick<Delta, "beds" | "numerics" | "alarms">): Ward {
  const beds = withBeds(ward.beds, frame.beds, frame.numerics);
  const alarms = withAlarms(ward, frame.alarms);
  // Most frames have waveforms alone.
  if (beds === ward.beds && alarms.alarms === ward.alarms) return ward;
  return { ...alarms, beds };
}

function withBeds(
  before: Ward["beds"],
  descriptions: readonly BedDescription[],
  numerics: readonly BedNumerics[],
): Ward["beds"] {
  if (descriptions.length === 0 && numerics.length === 0) return before;
  const beds = new Map(before);
  for (const description of descriptions) {
    beds.set(description.number, describedAnew(beds.get(description.number), description));
  }
  for (const each of numerics) {
    const bed = beds.get(each.number);
    if (bed !== undefined) beds.set(each.number, { ...bed, samples: samplesOf(bed, each) });
  }
  return beds;
}

/** Positions mean something else after a new description: values follow their metric. */
function describedAnew(bed: Bed | undefined, description: BedDescription): Bed {
  // A bed that another device or patient has taken over has no values of its own yet.
  const same =
    bed?.description.deviceId === description.deviceId &&
    bed.description.patientId === description.patientId;
  const known = same ? bed.samples : [];
  const samples = description.metrics.map((metric): Sample => {
    const old = known.find(
      (each) =>
        each.metric.name === metric.name &&
        each.metric.code === metric.code &&
        each.metric.unit === metric.unit,
    );
    if (old !== undefined) return { ...old, metric };
    return { metric, value: NaN, observedAt: 0, validity: Validity.MISSING, pending: false };
  });
  return { description, samples };
}

function samplesOf(bed: Bed, numerics: BedNumerics): Sample[] {
  return bed.description.metrics.map((metric, position) => ({
    metric,
    value: numerics.values[position] ?? NaN,
    observedAt: numerics.observedAt[position] ?? 0,
    validity: numerics.validity[position] ?? Validity.VALID,
    pending: numerics.pending.includes(position),
  }));
}

function withAlarms(ward: Ward, events: readonly AlarmEvent[]): Pick<Ward, "alarms" | "ended"> {
  if (events.length === 0) return { alarms: ward.alarms, ended: ward.ended };
  const alarms = new Map(ward.alarms);
  const ended = new Map(ward.ended);
  for (const event of events) {
    const id = event.occurrenceId;
    const known = alarms.get(id)?.eventSeq ?? ended.get(id) ?? -1;
    if (event.eventSeq < known) continue;
    if (event.presence === AlarmPresence.OFF) {
      alarms.delete(id);
      ended.set(id, event.eventSeq);
    } else {
      alarms.set(id, event);
    }
  }
  for (const oldest of ended.keys()) {
    if (ended.size <= ENDED_MAX) break;
    ended.delete(oldest);
  }
  return { alarms, ended };
}
