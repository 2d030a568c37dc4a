// Which beds of the ward a person looks at, and in which order. Nothing here hides an alarm: what
// is left out and alarms is counted, and said with a way to it.

import type { AlarmEvent, AlarmPriority } from "../wire/rpm_service/v1/alarm_pb";
import { isOn } from "./alarms";
import type { Bed } from "./ward";

export interface Choice {
  /** By place, or those with the highest alarm first. */
  readonly order: "place" | "alarm";
  /** Only this unit; empty: all. */
  readonly unit: string;
  /** Only beds that the person has marked as theirs. */
  readonly mine: boolean;
  /** Only beds, units and devices that have this in their name. */
  readonly text: string;
}

export const WHOLE: Choice = { order: "place", unit: "", mine: false, text: "" };

export interface Chosen {
  readonly beds: readonly Bed[];
  /** Beds that are left out, */
  readonly hidden: number;
  /** and alarms there that nobody has acknowledged, the highest first. */
  readonly hiddenAlarms: readonly AlarmEvent[];
}

/** What of the beds, in their places, a person has chosen to see. */
export function choose(
  beds: readonly Bed[],
  alarmsOf: (bed: Bed) => readonly AlarmEvent[],
  choice: Choice,
  mine: ReadonlySet<string>,
): Chosen {
  const wanted = choice.text.trim().toLocaleLowerCase();
  const shown: Bed[] = [];
  const hiddenAlarms: AlarmEvent[] = [];
  for (const bed of beds) {
    const { bed: name, unit, deviceId } = bed.description;
    const isChosen =
      (choice.unit === "" || unit === choice.unit) &&
      (!choice.mine || mine.has(name)) &&
      [name, unit, deviceId].some((each) => each.toLocaleLowerCase().includes(wanted));
    if (isChosen) shown.push(bed);
    else hiddenAlarms.push(...alarmsOf(bed).filter(isOn));
  }
  if (choice.order === "alarm") {
    const ranks = new Map(shown.map((bed) => [bed, rank(alarmsOf(bed))]));
    // Sorting is stable: beds of one rank stay in their places.
    shown.sort((a, b) => (ranks.get(b) ?? 0) - (ranks.get(a) ?? 0));
  }
  hiddenAlarms.sort((a, b) => b.priority - a.priority || a.raisedAt - b.raisedAt);
  return { beds: shown, hidden: beds.length - shown.length, hiddenAlarms };
}

/** The units of the beds, in the order of their places. */
export function unitsOf(beds: readonly Bed[]): string[] {
  return [...new Set(beds.map(({ description }) => description.unit))].filter(Boolean);
}

function rank(alarms: readonly AlarmEvent[]): AlarmPriority | 0 {
  return alarms.filter(isOn).reduce<AlarmPriority | 0>((most, { priority }) => {
    return priority > most ? priority : most;
  }, 0);
}

/** A choice as it was kept; what is none is the whole ward. */
export function choiceOf(kept: string | null): Choice {
  try {
    const known: unknown = JSON.parse(kept ?? "null");
    if (typeof known !== "object" || known === null) return WHOLE;
    const { order, unit, mine } = { ...WHOLE, ...known };
    return {
      order: order === "alarm" ? "alarm" : "place",
      unit: String(unit),
      mine: mine === true,
      // What was typed is meant for now.
      text: "",
    };
  } catch {
    return WHOLE;
  }
}

/** The beds that are somebody's, once they have marked one more, or one of them no longer. */
export function marked(mine: ReadonlySet<string>, bed: string): ReadonlySet<string> {
  return new Set(mine.has(bed) ? [...mine].filter((each) => each !== bed) : [...mine, bed]);
}

/** Names of beds as they were kept. */
export function mineOf(kept: string | null): ReadonlySet<string> {
  try {
    const known: unknown = JSON.parse(kept ?? "[]");
    return new Set(Array.isArray(known) ? known.map(String) : []);
  } catch {
    return new Set();
  }
}
