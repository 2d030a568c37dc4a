// What may be shown of a sample. The rule of the house: a value that is not current is never
// shown; in its place stands that there is none, or how old the last one is.

import { Validity } from "../wire/rpm_service/v1/alarm_pb";
import { Connection } from "../wire/rpm_service/v1/monitoring_pb";
import { numberText } from "../words";
import type { Bed, Sample } from "./ward";

/** Stands where there is no value: none was measured, or the device says not to use it. */
export const NO_VALUE = "--";
/** Stands where the last value is too old to be shown. */
export const STALE_VALUE = "--?";
/** A value observed this far in the future has no known age, so it is not current. */
const AHEAD_S_MAX = 5;

export type Reading =
  | {
      readonly state: "current";
      readonly text: string;
      readonly age_s: number;
      /** The device doubts it. */
      readonly questionable: boolean;
    }
  | {
      readonly state: "stale";
      readonly text: typeof STALE_VALUE;
      /** NaN where it is not known. */
      readonly age_s: number;
    }
  | { readonly state: "missing" | "invalid"; readonly text: typeof NO_VALUE };

/** Whether a device is there; without one nothing at the bed is current. */
export function isConnected(bed: Bed): boolean {
  return bed.description.connection === Connection.CONNECTED;
}

/** What may be shown of a sample at `now`, on the server's clock. */
export function read(bed: Bed, sample: Sample, now: number): Reading {
  const { metric, value, observedAt, validity } = sample;
  if (validity === Validity.INVALID) return { state: "invalid", text: NO_VALUE };
  // 0 is a value.
  const measured = Number.isFinite(value) && observedAt > 0 && validity !== Validity.MISSING;
  if (!measured) return { state: "missing", text: NO_VALUE };
  const age_s = now - observedAt;
  // Written so that a NaN anywhere, also in the clock, is not current.
  const current = isConnected(bed) && age_s >= -AHEAD_S_MAX && age_s <= metric.staleAfterS;
  if (!current) {
    return { state: "stale", text: STALE_VALUE, age_s: age_s >= -AHEAD_S_MAX ? age_s : NaN };
  }
  return {
    state: "current",
    text: formatValue(value, metric.decimals),
    age_s: Math.max(0, age_s),
    questionable: validity === Validity.QUESTIONABLE,
  };
}

/** The value of a sample where it is current. */
export function currentValue(bed: Bed, sample: Sample, now: number): number | undefined {
  return read(bed, sample, now).state === "current" ? sample.value : undefined;
}

/** A value as people read it. */
export function formatValue(value: number, decimals: number): string {
  const text = value.toFixed(Math.min(decimals, 6));
  return numberText(Number(text) === 0 ? text.replace("-", "") : text);
}

/** When anything was last observed at a bed; 0 where nothing ever was. */
export function lastObservedAt(bed: Bed): number {
  return bed.samples.reduce((newest, { observedAt }) => Math.max(newest, observedAt), 0);
}
