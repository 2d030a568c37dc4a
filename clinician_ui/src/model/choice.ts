// Which beds of the ward a person looks at, and in which order. Nothing here hides an alarm: what
// is left out and alarms is counted, and said with a way to it.

import type { AlarmEvent, AlarmPriority } from "../wire/rpm_service/v1/alarm_pb";
import { isOn } from "./alarms";
import { type Bed, NAMES } from "./ward";

export interface Choice {
  /** By place, or those with the highest alarm first. */
  readonly order: "place" | "alarm";
  /** Only this unit; empty: all. */
  readonly unit: string;
  /** Only this care group of that unit; empty: all of it. */
  readonly careGroup: string;
  /** Only beds that the person has marked as theirs. */
  readonly mine: boolean;
  /** Only beds, units, care groups and devices that have this in their name. */
  readonly text: string;
}

export const WHOLE: Choice = {
  order: "place",
  unit: "",
  careGroup: "",
  mine: false,
  text: "",
};

/** A unit, or a care group of it. */
export type Part = Pick<Choice, "unit" | "careGroup">;

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
    const { bed: name, unit, careGroups, deviceId } = bed.description;
    const isChosen =
      (choice.unit === "" || unit === choice.unit) &&
      (choice.careGroup === "" || careGroups.includes(choice.careGroup)) &&
      (!choice.mine || mine.has(name)) &&
      [name, unit, ...careGroups, deviceId].some((each) =>
        each.toLocaleLowerCase().includes(wanted),
      );
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

/** What there is to choose: the units of the beds in the order of their places, each with its
 * care groups after it. What is chosen is among them though no bed is of it now. */
export function partsOf(beds: readonly Bed[], { unit, careGroup }: Part): Part[] {
  const groups = new Map<string, Set<string>>();
  const add = (of: string, names: readonly string[]) => {
    const known = groups.get(of) ?? new Set();
    if (of !== "") groups.set(of, known);
    for (const name of names) known.add(name);
  };
  for (const { description } of beds) add(description.unit, description.careGroups);
  add(unit, [careGroup].filter(Boolean));
  return [...groups].flatMap(([of, names]) =>
    ["", ...[...names].sort(NAMES.compare)].map((name) => ({ unit: of, careGroup: name })),
  );
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
    const { order, unit, careGroup, mine } = { ...WHOLE, ...known };
    return {
      order: order === "alarm" ? "alarm" : "place",
      unit: String(unit),
      careGroup: unit === "" ? "" : String(careGroup),
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
