import { T0 } from "./frames";

/** An event as the server's journal tells it. */
export function told(init: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    seq: 7,
    at: T0,
    observed_at: T0,
    bed: "E-01",
    unit: "ICU East",
    phase: "start",
    presence: "ON",
    condition: "SPO2_LOW",
    kind: "physiological",
    metric: "SpO2",
    priority: "MEDIUM",
    value: 88,
    extreme: 88,
    limit: 90,
    text: null,
    by: null,
    occurrence_id: 7,
    event_seq: 1,
    raised_at: T0,
    ended_at: null,
    acknowledged_by: null,
    acknowledged_until: null,
    responsible: null,
    accepted: null,
    late_detected: false,
    ...init,
  };
}
