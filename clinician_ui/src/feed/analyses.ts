// What the server makes of its history: told line by line, and given up when it is not wanted.

import { words } from "../words";

/** Seconds on the server's clock; no beds or units: all that may be seen. */
export interface Asked {
  readonly since: number;
  readonly until: number;
  readonly units: readonly string[];
}

export interface Burden {
  readonly since: number;
  readonly until: number;
  readonly bed_days: number;
  readonly physiological: KindBurden;
  readonly technical: KindBurden;
  /** More that were found in what came too late to alarm: nobody was called. */
  readonly late_detected: number;
}

export interface KindBurden {
  readonly occurrences: number;
  readonly per_bed_day: number | null;
  readonly duration_s: number;
  readonly acknowledged: number;
  readonly acknowledged_after_s_p50: number | null;
  readonly acknowledged_after_s_p90: number | null;
  readonly never_acknowledged: number;
  readonly repeated_within_60_s: number;
  /** By condition, priority and unit. */
  readonly conditions: readonly ConditionBurden[];
  /** Noisiest first. */
  readonly beds: readonly BedBurden[];
  readonly over_time: readonly TimeBurden[];
}

export interface ConditionBurden {
  readonly condition: string;
  readonly priority: "HIGH" | "MEDIUM" | "LOW";
  readonly unit: string;
  readonly occurrences: number;
  readonly duration_s: number;
}

export interface BedBurden {
  readonly bed: string;
  readonly unit: string;
  readonly occurrences: number;
  readonly share: number;
  readonly share_so_far: number;
  /** By the hour of the day, from midnight where this page is. */
  readonly by_hour: readonly number[];
}

export interface TimeBurden {
  readonly since: number;
  readonly until: number;
  readonly high: number;
  readonly medium: number;
  readonly low: number;
}

/** Limits of one metric to try; what is left out is as in the preset of each bed. */
export interface TriedLimits {
  readonly low?: number;
  readonly high?: number;
  readonly extreme_low?: number;
  readonly extreme_high?: number;
  readonly delay_s?: number;
  readonly hysteresis?: number;
}

export interface WhatIf {
  readonly beds: number;
  readonly values: number;
  /** Values that came too late to alarm, so that they were not replayed. */
  readonly late_values: number;
  readonly comparisons: readonly Comparison[];
  /** Alarms that somebody acknowledged or took upon themselves. */
  readonly real: number;
  /** Those of them that would not have been raised, the newest. */
  readonly missed: readonly Missed[];
  readonly missed_count: number;
  /** Those of a time without stored values. */
  readonly unknown: number;
}

export interface Comparison {
  readonly condition: string;
  readonly kind: "physiological" | "technical";
  readonly recorded: number;
  readonly baseline: number;
  readonly tried: number;
}

export interface Missed {
  readonly bed: string;
  readonly condition: string;
  readonly metric: string | null;
  readonly raised_at: number;
  readonly extreme: number | null;
  readonly acknowledged_by: string | null;
}

/** How far an analysis has come: devices done, of how many. */
export interface Progress {
  readonly done: number;
  readonly devices: number;
}

interface Line<Result> {
  readonly progress?: Progress;
  readonly result?: Result;
  readonly error?: string;
}

/** An analysis that came to nothing. */
export class AnalysisRefused extends Error {
  /** One line for the person, in the language that the page is in when it is shown. */
  readonly say: () => string;

  constructor(say: () => string) {
    super(say());
    this.say = say;
  }
}

export type Ask = (path: string, init: RequestInit) => Promise<Response>;
type Hear = (progress: Progress) => void;

/** The analyses. Each rejects with AnalysisRefused, and with AbortError when it is given up. */
export class Analyses {
  readonly #ask: Ask;

  constructor(ask: Ask = (path, init) => fetch(path, init)) {
    this.#ask = ask;
  }

  burden({ since, until, units }: Asked, hear: Hear, signal: AbortSignal): Promise<Burden> {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const query = new URLSearchParams({
      since: String(since),
      until: String(until),
      time_zone: timeZone,
    });
    for (const unit of units) query.append("unit", unit);
    return this.#told(`/v1/burden?${query}`, { signal }, hear);
  }

  whatIf(
    asked: Asked,
    limits: Readonly<Record<string, TriedLimits>>,
    hear: Hear,
    signal: AbortSignal,
  ): Promise<WhatIf> {
    const init = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...asked, limits }),
      signal,
    };
    return this.#told("/v1/what-if", init, hear);
  }

  async #told<Result>(path: string, init: RequestInit, hear: Hear): Promise<Result> {
    let answer: Response;
    try {
      answer = await this.#ask(path, init);
    } catch (error) {
      throw init.signal?.aborted ? error : new AnalysisRefused(() => words.noAnswer);
    }
    if (!answer.ok) throw new AnalysisRefused(await reasonOf(answer));
    for await (const line of linesOf<Line<Result>>(answer)) {
      if (line.progress !== undefined) hear(line.progress);
      const { error } = line;
      if (error !== undefined) throw new AnalysisRefused(() => error);
      if (line.result !== undefined) return line.result;
    }
    throw new AnalysisRefused(() => words.burdenPage.cutOff);
  }
}

async function* linesOf<Of>(answer: Response): AsyncGenerator<Of> {
  const reader = answer.body?.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
    rest += decoder.decode(part.value, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as Of;
  }
}

async function reasonOf(answer: Response): Promise<() => string> {
  try {
    const body = (await answer.json()) as { error?: unknown };
    const { error } = body;
    if (typeof error === "string") return () => error;
  } catch {
    // Not JSON, so not our server's words: the status must do.
  }
  return () => words.refused(answer.status);
}
