// One numeric as it stands on the page: every word of it, ready to be drawn.

import { ageText, limitsText, metricWords, overrideText, unitWords, words } from "../words";
import { NO_VALUE, read, type Reading, STALE_VALUE } from "./reading";
import { type Parameter, parameterOf, type Slot } from "./tile";
import type { Bed, Sample } from "./ward";

export interface Shown {
  readonly name: string;
  readonly parameter: Parameter;
  readonly unit: string;
  readonly text: string;
  /** What a narrow place may leave out: the mean of a pressure. */
  readonly mean: string;
  /** Whether `text` stands in the place of a value that is not current. */
  readonly absent: boolean;
  /** The device doubts it. */
  readonly questionable: boolean;
  /** An alarm limit is violated and its delay still runs. */
  readonly pending: boolean;
  /** One text for each part that has limits: "120/50". */
  readonly limits: readonly string[];
  /** Who set limits of the patient's own, until when and why; empty where the preset's are in
   * force. */
  readonly overrides: readonly string[];
  /** How old it is, or why there is none; never empty. */
  readonly age: string;
  /** When it was taken, where that is worth saying beside the age: of what is measured now and
   * then. NaN where it is not, and where an hour of the day would not say which day. */
  readonly takenAt: number;
}

/** Whether nothing that is drawn differs. */
export function isSame(a: Shown, b: Shown): boolean {
  const names = Object.keys(a) as (keyof Shown)[];
  return names.every((name) => {
    const [one, other] = [a[name], b[name]];
    if (!Array.isArray(one) || !Array.isArray(other)) return Object.is(one, other);
    return one.length === other.length && one.every((each, place) => each === other[place]);
  });
}

/** What may be this old and still stand is measured now and then: a cuff, not a sensor. */
const NOW_AND_THEN_S = 300;
const TIME_OF_DAY_S_MAX = 12 * 3600;

/** What is shown of a slot at `now`, on the server's clock. */
export function shownOf(bed: Bed, slot: Slot, now: number): Shown {
  return slot.kind === "single"
    ? single(bed, slot.sample, now)
    : pressure(bed, slot.name, slot.parts, now);
}

function single(bed: Bed, sample: Sample, now: number): Shown {
  const reading = read(bed, sample, now);
  const { name, unit } = sample.metric;
  return {
    name: metricWords(name),
    parameter: parameterOf(name),
    unit: unitWords(unit),
    text: reading.text,
    mean: "",
    absent: reading.state !== "current",
    questionable: reading.state === "current" && reading.questionable,
    pending: sample.pending,
    overrides: overridesOf([sample]),
    limits: [limitsText(sample.metric)].filter(Boolean),
    age: readingAge(reading),
    takenAt: takenAt(sample, ageOf(reading), now),
  };
}

function takenAt({ metric }: Sample, age_s: number, now: number): number {
  const isSaid = metric.staleAfterS >= NOW_AND_THEN_S && age_s < TIME_OF_DAY_S_MAX;
  return isSaid ? Math.round(now - age_s) : NaN;
}

/** NaN where there is none. */
function ageOf(reading: Reading | undefined): number {
  return reading !== undefined && "age_s" in reading ? reading.age_s : NaN;
}

/** A blood pressure: systolic over diastolic, and the mean; each part is read on its own. */
function pressure(bed: Bed, name: string, parts: readonly Sample[], now: number): Shown {
  const byPart = ["s", "d", "m"].map((part) => {
    // "NIBPs", or "ABPs 2" for the second of its kind.
    const metric = name.replace(/^[A-Z]+/, (site) => site + part);
    return parts.find((each) => each.metric.name === metric);
  });
  const readings = byPart.map((sample) => sample && read(bed, sample, now));
  const known = readings.filter((reading) => reading !== undefined);
  const current = known.filter((reading) => reading.state === "current");
  const absent = current.length === 0;
  // The oldest part speaks for all.
  const oldest_s = Math.max(...current.map(({ age_s }) => age_s));
  const [pair = "", mean = ""] = pressureText(readings.map((reading) => reading?.text));
  return {
    name,
    parameter: parameterOf(name),
    unit: unitWords(parts[0]?.metric.unit ?? ""),
    text: absent ? absentText(known) : pair,
    mean: absent ? "" : mean,
    absent,
    questionable: current.some(({ questionable }) => questionable),
    pending: parts.some(({ pending }) => pending),
    overrides: overridesOf(parts),
    limits: byPart.flatMap((sample) => (sample ? [limitsText(sample.metric)] : [])).filter(Boolean),
    age: absent ? readingAge(known[0]) : ageText(oldest_s),
    takenAt: parts[0] ? takenAt(parts[0], absent ? ageOf(known[0]) : oldest_s, now) : NaN,
  };
}

function overridesOf(samples: readonly Sample[]): string[] {
  return samples.flatMap(({ metric: { name, override } }) =>
    override === undefined ? [] : [overrideText(name, override)],
  );
}

/** A pair and a mean; of a mean alone it is the pair. */
function pressureText([systolic, diastolic, mean]: (string | undefined)[]): string[] {
  const pair = [systolic, diastolic].filter((each) => each !== undefined).join("/");
  return [pair, mean === undefined ? "" : `(${mean})`].filter(Boolean);
}

function absentText(readings: readonly Reading[]): string {
  return readings.some(({ state }) => state === "stale") ? STALE_VALUE : NO_VALUE;
}

function readingAge(reading: Reading | undefined): string {
  switch (reading?.state) {
    case "current":
    case "stale":
      return ageText(reading.age_s);
    case "invalid":
      return words.invalid;
    case "missing":
    case undefined:
      return words.missing;
  }
}
