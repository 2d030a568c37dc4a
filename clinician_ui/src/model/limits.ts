// Limits of one metric as a person moves them: what they were, what they would be.

import type { Limits } from "../feed/acts";
import type { MetricDescription } from "../wire/rpm_service/v1/monitoring_pb";

/** The limits of a metric, from the lowest up. */
export const LADDER = ["extreme_low", "low", "high", "extreme_high"] as const;
/** What a person moves here; the rest stays as it is in force. */
export const MOVED = [...LADDER, "delay_s", "extreme_delay_s"] as const;

export type Moved = (typeof MOVED)[number];
/** What stands in the fields; empty is no limit. */
export type Draft = Partial<Record<Moved, string>>;

export interface Change {
  readonly field: Moved;
  readonly before: number | null;
  readonly after: number | null;
}

/** What is in force, in the words of the acts. */
export function limitsInForce({ limits }: MetricDescription): Limits {
  return {
    low: limits?.low ?? null,
    high: limits?.high ?? null,
    extreme_low: limits?.extremeLow ?? null,
    extreme_high: limits?.extremeHigh ?? null,
    delay_s: limits?.delayS ?? 0,
    extreme_delay_s: limits?.extremeDelayS ?? 0,
    hysteresis: limits?.hysteresis ?? 0,
    hold_s: limits?.holdS ?? 0,
    latching: limits?.latching ?? false,
  };
}

/** The limits that a draft makes of those in force. */
export function parsed(before: Limits, draft: Draft): Limits {
  const number = (field: Moved): number | null => {
    const text = draft[field]?.trim() ?? "";
    // 0 is a limit; nothing is none.
    return text === "" || !Number.isFinite(Number(text)) ? null : Number(text);
  };
  return {
    ...before,
    low: number("low"),
    high: number("high"),
    extreme_low: number("extreme_low"),
    extreme_high: number("extreme_high"),
    delay_s: number("delay_s") ?? 0,
    extreme_delay_s: number("extreme_delay_s") ?? 0,
  };
}

export function changesOf(before: Limits, after: Limits): Change[] {
  return MOVED.map((field) => ({
    field,
    before: before[field] ?? null,
    after: after[field] ?? null,
  })).filter((each) => each.before !== each.after);
}
