// An alarm burden, and what came of a trial, as the server tells them.

import type {
  BedBurden,
  Burden,
  ConditionBurden,
  KindBurden,
  WhatIf,
} from "../../src/feed/analyses";
import { T0 } from "./frames";

export const QUIET: KindBurden = {
  occurrences: 0,
  per_bed_day: null,
  duration_s: 0,
  acknowledged: 0,
  acknowledged_after_s_p50: null,
  acknowledged_after_s_p90: null,
  never_acknowledged: 0,
  repeated_within_60_s: 0,
  conditions: [],
  beds: [],
  over_time: [],
};

export function condition(
  code: string,
  priority: ConditionBurden["priority"],
  unit: string,
  occurrences: number,
): ConditionBurden {
  return { condition: code, priority, unit, occurrences, duration_s: 0 };
}

export function bed(name: string, hours: Record<number, number>, share_so_far: number): BedBurden {
  const by_hour = Array.from({ length: 24 }, (_, hour) => hours[hour] ?? 0);
  const occurrences = by_hour.reduce((sum, count) => sum + count, 0);
  return { bed: name, unit: "ICU", occurrences, share: 0, share_so_far, by_hour };
}

/** Five alarms at two beds in an hour of two days. */
export function burden(): Burden {
  return {
    since: T0 - 3600,
    until: T0,
    bed_days: 2,
    late_detected: 0,
    technical: QUIET,
    physiological: {
      ...QUIET,
      occurrences: 5,
      per_bed_day: 2.5,
      acknowledged: 3,
      acknowledged_after_s_p50: 28,
      acknowledged_after_s_p90: 113,
      never_acknowledged: 2,
      repeated_within_60_s: 1,
      conditions: [
        condition("SPO2_LOW", "MEDIUM", "ICU", 3),
        condition("HR_HIGH", "HIGH", "ICU", 2),
      ],
      beds: [bed("E-01", { 0: 3, 7: 1 }, 0.8), bed("E-02", { 23: 1 }, 1)],
      over_time: [{ since: T0 - 3600, until: T0, high: 2, medium: 3, low: 0 }],
    },
  };
}

export function whatIf(init: Partial<WhatIf> = {}): WhatIf {
  return {
    beds: 2,
    values: 7200,
    late_values: 0,
    comparisons: [
      { condition: "SPO2_LOW", kind: "physiological", recorded: 3, baseline: 4, tried: 1 },
      { condition: "HR_HIGH", kind: "physiological", recorded: 2, baseline: 2, tried: 2 },
      { condition: "CONNECTION_LOST", kind: "technical", recorded: 1, baseline: 0, tried: 0 },
    ],
    real: 3,
    missed: [
      {
        bed: "E-01",
        condition: "SPO2_LOW",
        metric: "SpO2",
        raised_at: T0 - 600,
        extreme: 84,
        acknowledged_by: "kim",
      },
    ],
    missed_count: 1,
    unknown: 1,
    ...init,
  };
}
