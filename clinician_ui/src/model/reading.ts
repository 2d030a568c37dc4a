// What may be shown of a sample. The rule of the house: a value that is not current is `--?`,
// never the last value.

import { Validity } from "../wire/rpm_service/v1/alarm_pb";
import { Connection } from "../wire/rpm_service/v1/monitoring_pb";
import type { Bed, Sample } from "./ward";

/** What stands where there is no current value. */
export const NO_VALUE = "--?";
/** A value observed this far in the future has no known age, so it is not current. */
const AHEAD_S_MAX = 5;

export type Reading =
  | {
      readonly current: true;
      readonly text: string;
      readonly age_s: number;
      /** The device doubts it. */
      readonly questionable: boolean;
    }
  | { readonly current: false; readonly text: typeof NO_VALUE };

const NOT_CURRENT: Reading = { current: false, text: NO_VALUE };

/** Whether a device is there; without one nothing at the bed is current. */
export function isConnected(bed: Bed): boolean {
  return bed.description.connection === Connection.CONNECTED;
}

/** What may be shown of a sample at `now`, on the server's clock. */
export function read(bed: Bed, sample: Sample, now: number): Reading {
  const { metric, value, observedAt, validity } = sample;
  // Written so that a NaN anywhere, also in the clock, is not current.
  const age_s = now - observedAt;
  const current =
    isConnected(bed) &&
    Number.isFinite(value) &&
    observedAt > 0 &&
    validity !== Validity.INVALID &&
    validity !== Validity.MISSING &&
    age_s >= -AHEAD_S_MAX &&
    age_s <= metric.staleAfterS;
  if (!current) return NOT_CURRENT;
  return {
    current,
    text: formatValue(value, metric.decimals),
    age_s: Math.max(0, age_s),
    questionable: validity === Validity.QUESTIONABLE,
  };
}

/** A value as people read it. */
export function formatValue(value: number, decimals: number): string {
  const text = value.toFixed(Math.min(decimals, 6));
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** When anything was last observed at a bed; 0 where nothing ever was. */
export function lastObservedAt(bed: Bed): number {
  return bed.samples.reduce((newest, { observedAt }) => Math.max(newest, observedAt), 0);
}
