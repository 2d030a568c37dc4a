// Trends as rows on one time axis: what is drawn, what is left out, and what the table says.

import type { JournalEvent, MetricTrend, StoredScore, Trend } from "../feed/records";
import { type Parameter, parameterOf } from "./tile";

/** Spans that can be chosen, in hours. */
export const HOURS = [1, 4, 12, 24, 72] as const;
export const SPAN_S_MIN = 3600;
export const SPAN_S_MAX = 72 * 3600;
/** Lines of the table, at most. */
export const TABLE_LINES = 25;
/** What is measured less often than this is drawn as single values. */
const SPOT_S = 60;
/** A value is missed when nothing came for so many periods. */
const PERIODS_MISSED = 2;

const PRESSURE = /^([A-Z]+)([sdm])( \d+)?$/;

/** A time from `since` to `until`, Unix seconds. */
export interface Window {
  readonly since: number;
  readonly until: number;
}

/** Metrics that are drawn together: one, or systolic, diastolic and mean of one site. */
export interface TrendRow {
  readonly name: string;
  readonly unit: string;
  readonly decimals: number;
  readonly parameter: Parameter;
  readonly metrics: readonly MetricTrend[];
  /** Drawn as single values. */
  readonly spot: boolean;
}

/** A value to draw: null breaks the line, undefined does not. */
export type Drawn = (number | null | undefined)[];

/** When an alarm condition was present. */
export interface Band {
  readonly occurrence: number;
  readonly metric: string;
  readonly condition: string;
  readonly kind: string;
  readonly text: string;
  readonly priority: JournalEvent["priority"];
  readonly since: number;
  /** Infinity while it is present. */
  readonly until: number;
}

export function rowsOf(trend: Trend): TrendRow[] {
  const rows = new Map<string, TrendRow>();
  for (const metric of trend.metrics) {
    const match = PRESSURE.exec(metric.name);
    const name = match === null ? metric.name : `${match[1]}${match[3] ?? ""}`;
    const key = `${name} ${metric.unit}`;
    const row = rows.get(key);
    rows.set(key, {
      name,
      unit: metric.unit,
      decimals: metric.decimals,
      parameter: parameterOf(metric.name),
      metrics: [...(row?.metrics ?? []), metric],
      spot: metric.period_s >= SPOT_S,
    });
  }
  return [...rows.values()];
}

/**
 * What a line is drawn through. A bucket without a value breaks it where a value is missed, and
 * does not where none was due yet: a metric that is measured less often than buckets begin.
 */
export function lineOf(
  values: readonly (number | null)[],
  metric: MetricTrend,
  step_s: number,
): Drawn {
  const line: Drawn = [...values];
  if (metric.period_s <= step_s) return line;
  let last = -1;
  values.forEach((value, place) => {
    if (value === null) return;
    const pause_s = (place - last) * step_s;
    if (last >= 0 && pause_s <= PERIODS_MISSED * metric.period_s) {
      line.fill(undefined, last + 1, place);
    }
    last = place;
  });
  return line;
}

/** Totals of the score at those times: that of the last score before; none where incomplete. */
export function totalsAt(scores: readonly StoredScore[], at: readonly number[]): (number | null)[] {
  let next = 0;
  let total: number | null = null;
  return at.map((moment) => {
    for (
      let score = scores[next];
      score !== undefined && score.at <= moment;
      score = scores[next]
    ) {
      total = score.total;
      next += 1;
    }
    return total;
  });
}

const RANK = { LOW: 0, MEDIUM: 1, HIGH: 2 };

/** When which alarm was present, first to last; each at the highest priority that it had. */
export function bandsOf(newestFirst: readonly JournalEvent[]): Band[] {
  const bands = new Map<number, Band>();
  for (const event of newestFirst) {
    const known = bands.get(event.occurrence_id);
    if (known !== undefined) {
      const higher = RANK[event.priority] > RANK[known.priority];
      if (higher) bands.set(known.occurrence, { ...known, priority: event.priority });
      continue;
    }
    const over = event.presence === "OFF" ? event.at : Infinity;
    bands.set(event.occurrence_id, {
      occurrence: event.occurrence_id,
      metric: event.metric ?? "",
      condition: event.condition,
      kind: event.kind,
      text: event.text ?? "",
      priority: event.priority,
      since: event.raised_at,
      until: event.ended_at ?? over,
    });
  }
  return [...bands.values()].sort((a, b) => a.since - b.since);
}

/** Bands that are about one of a row's metrics. */
export function bandsIn(row: TrendRow, bands: readonly Band[]): Band[] {
  return bands.filter(({ metric }) => row.metrics.some(({ name }) => name === metric));
}

/** The window of so many hours that ends now. */
export function windowOf(hours: number, now: number): Window {
  return { since: now - hours * 3600, until: now };
}

/** A window within `whole`, moved by a part of its own length. */
export function moved({ since, until }: Window, part: number, now: number): Window {
  const span = until - since;
  const end = Math.min(until + part * span, now);
  return { since: end - span, until: end };
}

/** What is asked of the server to show a window: never less than the server gives. */
export function askedFor({ since, until }: Window, now: number): Window {
  const span = Math.min(Math.max(until - since, SPAN_S_MIN), SPAN_S_MAX);
  const end = Math.min((since + until + span) / 2, now);
  return { since: end - span, until: end };
}

/** The time of a table's line and what each metric was then. */
export interface TableLine {
  readonly at: number;
  readonly cells: readonly (Cell | null)[];
}

export interface Cell {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** The lines of a window, newest first, without those in which nothing was measured. */
export function tableOf(trend: Trend, { since, until }: Window): TableLine[] {
  const at = trend.metrics[0]?.at ?? [];
  const lines = at.map((middle, place) => ({
    at: middle - trend.step_s / 2,
    cells: trend.metrics.map(({ mean, low, high }) => cellOf(mean[place], low[place], high[place])),
  }));
  return lines
    .filter(({ at }) => at + trend.step_s > since && at < until)
    .filter(({ cells }) => cells.some((cell) => cell !== null))
    .reverse();
}

type Value = number | null | undefined;

function cellOf(mean: Value, low: Value, high: Value): Cell | null {
  if (typeof mean !== "number" || typeof low !== "number" || typeof high !== "number") return null;
  return { mean, low, high };
}

/** The bucket that a time is in; -1 where it is in none. */
export function bucketAt({ since, until, step_s }: Trend, moment: number): number {
  return moment >= since && moment < until ? Math.floor((moment - since) / step_s) : -1;
}
