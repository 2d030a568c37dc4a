// What the pictures show, out of what the server counted.

import type {
  Burden,
  Comparison,
  ConditionBurden,
  KindBurden,
  TimeBurden,
  WhatIf,
} from "../feed/analyses";

export type KindOf = "physiological" | "technical";

/** Shades of a heat map, from one alarm on; a cell without any has none. */
export const SHADES = 6;

export interface ParetoBar {
  readonly condition: string;
  readonly count: number;
  /** Share of all, together with every bar before: 0 to 1. */
  readonly soFar: number;
}

/** Conditions of all units and priorities, most first, with what they add up to. */
export function pareto(conditions: readonly ConditionBurden[]): ParetoBar[] {
  const counts = new Map<string, number>();
  for (const { condition, occurrences } of conditions) {
    counts.set(condition, (counts.get(condition) ?? 0) + occurrences);
  }
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  let sum = 0;
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([condition, count]) => {
      sum += count;
      return { condition, count, soFar: sum / all };
    });
}

export function byPriority(
  conditions: readonly ConditionBurden[],
): Record<ConditionBurden["priority"], number> {
  const counts = { HIGH: 0, MEDIUM: 0, LOW: 0 };
  for (const { priority, occurrences } of conditions) counts[priority] += occurrences;
  return counts;
}

/** The share of all alarms that the three noisiest beds have; NaN where there are none. */
export function shareOfThree({ beds }: KindBurden): number {
  return beds[Math.min(2, beds.length - 1)]?.share_so_far ?? NaN;
}

/** How dark a cell is, 0 to SHADES: even steps of the largest count, and never 0 for one alarm. */
export function shade(count: number, most: number): number {
  return count === 0 ? 0 : Math.max(1, Math.ceil((SHADES * count) / most));
}

/** How much of the hue a cell of that shade has; that of none has its own. */
export const strength = (of: number): number => 0.1 + (0.9 * of) / SHADES;

export const total = ({ high, medium, low }: TimeBurden): number => high + medium + low;

/** What a trial makes of the alarms of one metric: its own limits raise them. */
export function ofMetric(comparisons: readonly Comparison[], metric: string): Comparison[] {
  const [kind = ""] = metric.split(" ");
  const prefix = `${kind.toUpperCase()}_`;
  return comparisons.filter(({ condition }) => condition.startsWith(prefix));
}

/** The alarms about patients that a replay can raise: for bars side by side. */
export function replayed(comparisons: readonly Comparison[]): Comparison[] {
  return comparisons.filter(
    ({ kind, baseline, tried }) => kind === "physiological" && baseline + tried > 0,
  );
}

type Row = readonly (string | number | null)[];

const HEAD = ["figure", "kind", "unit", "bed", "condition", "priority", "from", "to", "value"];

/** Everything as one table: a figure a row, times in ISO 8601. */
export function csvOf(burden: Burden, whatIf: WhatIf | null): string {
  const time = ["", "", "", "", "", iso(burden.since), iso(burden.until)];
  const rows: Row[] = [
    ["bed_days", ...time, burden.bed_days],
    ["late_detected", ...time, burden.late_detected],
  ];
  for (const kind of ["physiological", "technical"] as const) {
    rows.push(...rowsOf(kind, burden[kind], time.slice(1)));
  }
  for (const { kind, condition, recorded, baseline, tried } of whatIf?.comparisons ?? []) {
    for (const [name, value] of Object.entries({ recorded, baseline, tried })) {
      rows.push([`what_if_${name}`, kind, "", "", condition, "", ...time.slice(5), value]);
    }
  }
  if (whatIf !== null) {
    for (const name of ["real", "missed_count", "unknown", "late_values"] as const) {
      rows.push([`what_if_${name}`, ...time, whatIf[name]]);
    }
    for (const { bed, condition, raised_at, extreme } of whatIf.missed) {
      rows.push(["what_if_missed", "", "", bed, condition, "", iso(raised_at), "", extreme]);
    }
  }
  return [HEAD, ...rows].map((row) => row.map(field).join(",") + "\r\n").join("");
}

function rowsOf(kind: KindOf, of: KindBurden, time: Row): Row[] {
  const { conditions, beds, over_time, ...figures } = of;
  const span = time.slice(-2);
  return [
    ...Object.entries(figures).map(([name, value]): Row => [name, kind, ...time, value]),
    ...conditions.map(
      ({ unit, condition, priority, occurrences }): Row => [
        "condition", kind, unit, "", condition, priority, ...span, occurrences,
      ], // prettier-ignore
    ),
    ...beds.flatMap(({ unit, bed, by_hour }) =>
      by_hour.map((count, hour): Row => {
        return ["hour_of_day", kind, unit, bed, "", "", clock(hour), clock(hour + 1), count];
      }),
    ),
    ...over_time.flatMap(({ since, until, high, medium, low }) =>
      Object.entries({ HIGH: high, MEDIUM: medium, LOW: low }).map(([priority, count]): Row => {
        return ["over_time", kind, "", "", "", priority, iso(since), iso(until), count];
      }),
    ),
  ];
}

/** An hour of the day, "07:00". */
export const clock = (hour: number): string => `${String(hour).padStart(2, "0")}:00`;

const iso = (unix_s: number): string => new Date(unix_s * 1000).toISOString();

/** A field as RFC 4180 has it; a name that a spreadsheet would run is kept from that. */
function field(value: string | number | null): string {
  if (typeof value !== "string") return value === null ? "" : String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
