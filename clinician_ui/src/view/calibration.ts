// The calibration mark of a waveform: a bar as high as a round amount of what is drawn.

import { unitWords } from "../words";
import type { LaneScale } from "./sweep";

/** MDC units of waveforms that have a name here; others have no mark. */
const UNITS: Record<number, string> = {
  266418: "mV",
  266419: "uV",
  266016: "mm[Hg]",
  262848: "Ohm",
};
/** The bar is at most this part of its lane. */
const PART_MAX = 0.6;

export interface Mark {
  readonly text: string;
  /** In CSS pixels. */
  readonly top: number;
  readonly height: number;
}

/** A bar for a lane; null where the unit is not known or nothing has been drawn. */
export function calibration({ ring, top, height, perUnit }: LaneScale): Mark | null {
  const unit = UNITS[ring.metric.unit];
  if (unit === undefined || !Number.isFinite(perUnit) || perUnit <= 0) return null;
  const amount = roundBelow((PART_MAX * height) / perUnit);
  const bar = amount * perUnit;
  return {
    text: `${Number(amount.toPrecision(1))} ${unitWords(unit)}`,
    top: top + (height - bar) / 2,
    height: bar,
  };
}

/** The greatest of 1, 2 and 5 times a power of ten that is not above. */
export function roundBelow(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  const times = most / power;
  return power * (times >= 5 ? 5 : times >= 2 ? 2 : 1);
}
