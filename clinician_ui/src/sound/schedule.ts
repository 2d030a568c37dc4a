// When bursts begin, as a pure function: what calls and the time in, what to do out.
//
//   - The highest priority that calls is heard; a higher one breaks in at once.
//   - An alarm that has not been heard yet sounds as soon as the standard lets the next burst
//     begin, one that has been heard after the interval of its priority.
//   - Unless a higher priority breaks in, two bursts begin at least START_EVERY_S_MIN apart: a
//     condition that comes and goes fifty times a second is one burst in five seconds.
//   - A burst that has begun is played to its end, also where its alarm ends before, so that a
//     short alarm is heard; an act that silences its alarm ends it at once.

import { AlarmPriority } from "../wire/rpm_service/v1/alarm_pb";
import { burst, CHARACTER, lengthOf, type Pulse, type SoundingPriority } from "./pattern";

/** Seconds from the beginning of a burst to the next of the same or a lower priority, at least. */
export const START_EVERY_S_MIN = 5;

/** Something that asks to be heard. */
export interface Call {
  /** What it is: an occurrence. */
  readonly id: string;
  readonly priority: SoundingPriority;
  /** It is to be heard with the next burst that is due, and begins none of its own. */
  readonly joins?: boolean;
}

export interface Calls {
  readonly sounding: readonly Call[];
  /** What holds and has been silenced by a person. */
  readonly silenced: ReadonlySet<string>;
}

interface Burst {
  readonly priority: SoundingPriority;
  readonly ids: readonly string[];
  readonly from: number;
  readonly until: number;
}

export interface Schedule {
  readonly last: Burst | null;
  /** What has called without a break since it was heard. */
  readonly heard: ReadonlySet<string>;
}

export const SILENT: Schedule = { last: null, heard: new Set() };

export interface Decision {
  readonly schedule: Schedule;
  /** A burst to play now, in the place of what plays. */
  readonly play: readonly Pulse[] | null;
  /** What plays must end. */
  readonly stop: boolean;
}

/** What to do at `now`, in monotone seconds. */
export function decide(before: Schedule, calls: Calls, now: number): Decision {
  const heard = new Set(calls.sounding.map(heardAs).filter((each) => before.heard.has(each)));
  const { last, stop } = silence(before.last, calls, now);
  const highest = highestOf(calls.sounding);
  const callers = calls.sounding.filter(({ priority }) => priority === highest);
  if (highest === null || now < startAt(last, highest, callers, heard)) {
    return { schedule: { last, heard }, play: null, stop };
  }
  for (const caller of callers) heard.add(heardAs(caller));
  const pulses = burst(highest);
  const ids = callers.map(({ id }) => id);
  const begun = { priority: highest, ids, from: now, until: now + lengthOf(pulses) };
  return { schedule: { last: begun, heard }, play: pulses, stop: true };
}

/** Ends a burst whose alarms a person has silenced. */
function silence(
  last: Burst | null,
  { sounding, silenced }: Calls,
  now: number,
): { last: Burst | null; stop: boolean } {
  if (last === null || now >= last.until) return { last, stop: false };
  const calling = new Set(sounding.map(({ id }) => id));
  const stop = !last.ids.some((id) => calling.has(id)) && last.ids.some((id) => silenced.has(id));
  return { last: stop ? { ...last, until: now } : last, stop };
}

/** When the next burst may begin. */
function startAt(
  last: Burst | null,
  priority: SoundingPriority,
  callers: readonly Call[],
  heard: ReadonlySet<string>,
): number {
  if (last === null || priority > last.priority) return -Infinity;
  const isNew = callers.some((caller) => caller.joins !== true && !heard.has(heardAs(caller)));
  const interval_s = isNew
    ? CHARACTER[last.priority].interval_s_min
    : CHARACTER[priority].interval_s;
  return Math.max(last.from + START_EVERY_S_MIN, last.until + interval_s);
}

function highestOf(calls: readonly Call[]): SoundingPriority | null {
  const { HIGH, MEDIUM, LOW } = AlarmPriority;
  const present = (wanted: AlarmPriority) => calls.some(({ priority }) => priority === wanted);
  return ([HIGH, MEDIUM, LOW] as const).find(present) ?? null;
}

/** An alarm that rises in priority is to be heard anew. */
function heardAs({ id, priority }: Call): string {
  return `${id} ${priority}`;
}
