// What a trial says in a sentence.

import type { TriedLimits, WhatIf } from "../feed/analyses";
import { metricWords, words } from "../words";
import { ofMetric } from "./figures";
import { whole } from "./numbers";

/** How many alarms of the metric there would have been, instead of how many. */
export function told(result: WhatIf, name: string, limits: TriedLimits): string {
  const say = words.burdenPage;
  const own = ofMetric(result.comparisons, name);
  const sum = (of: "tried" | "baseline") => whole(own.reduce((count, each) => count + each[of], 0));
  const { low, high, extreme_low, extreme_high, delay_s } = limits;
  const sides = [low, high, extreme_low, extreme_high].filter((each) => each !== undefined);
  const what = [
    metricWords(name),
    sides.map((each) => each.toLocaleString(words.tag)).join("/"),
    delay_s === undefined ? "" : say.withDelay(String(delay_s)),
  ];
  return say.tried(what.filter(Boolean).join(" "), sum("tried"), sum("baseline"));
}

/** What of the history was replayed, and how much was not. */
export function extent({ values, beds, late_values }: WhatIf): string {
  const say = words.burdenPage;
  const all = say.replayed(whole(values), whole(beds));
  return late_values === 0 ? all : `${all}; ${say.lateValues(whole(late_values))}`;
}

/** How many of those that somebody took for real would have been missed. */
export function verdict({ real, unknown, missed_count }: WhatIf): string {
  const say = words.burdenPage;
  if (real === 0) return say.nobodyAnswered;
  const missed = say.missed(whole(real - unknown), whole(missed_count));
  return unknown === 0 ? missed : `${missed}; ${say.unknown(whole(unknown))}`;
}
