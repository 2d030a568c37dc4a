// The alarms of the last hour, for a glance: read now and then, and kept while pages change.

import { Analyses, AnalysisRefused, type TriedLimits, type WhatIf } from "./feed/analyses";
import { NotRead, type Records } from "./feed/records";
import { barsOf, HOUR_S, noisiest } from "./model/lastHour";

/** How often the journal is looked at: seldom, and sooner where alarms have changed, once that is
 * written. */
const LOOK_EVERY_S = 60;
const LOOK_AFTER_S = 10;
const WRITTEN_AFTER_S = 2;
/** What was read longer ago is not of now. */
const LOOK_S_MAX = 300;
/** A trial replays the hour of every bed: it is asked for seldom, and only where
 * there is something to gain (see model/lastHour.ts). */
const TRY_EVERY_S = 900;
const TRY_S_MAX = 1800;
/** The longest delay that a preset's bounds have: what a person would try first. */
const TRIED: TriedLimits = { delay_s: 15 };

interface Look {
  /** On the server's clock. */
  readonly at: number;
  /** Oldest first; each for five minutes. */
  readonly bars: readonly number[];
  readonly count: number;
  /** There were more than a look reads. */
  readonly isCut: boolean;
}

export interface Trial {
  readonly at: number;
  readonly metric: string;
  readonly limits: TriedLimits;
  readonly found: WhatIf;
}

export class LastHour {
  #look = $state.raw<Look | null>(null);
  #trial = $state.raw<Trial | null>(null);
  #lookedAt = -Infinity;
  #lookAt = -Infinity;
  #seen: unknown = null;
  #tryAt = -Infinity;
  readonly #records: Records;
  readonly #analyses: Analyses;
  #under_way = new AbortController();

  constructor(records: Records, analyses = new Analyses()) {
    this.#records = records;
    this.#analyses = analyses;
  }

  /** What there was in the hour before `now`; null where that is not known. */
  lookOf(now: number): Look | null {
    return this.#look !== null && now - this.#look.at < LOOK_S_MAX ? this.#look : null;
  }

  /** What another delay would have made of it; null where nobody has tried. */
  trialOf(now: number): Trial | null {
    return this.#trial !== null && now - this.#trial.at < TRY_S_MAX ? this.#trial : null;
  }

  /** Somebody looks: reads what is due. `standing` is another object once an alarm has changed. */
  async follow(now: number, standing: unknown): Promise<void> {
    if (standing !== this.#seen) {
      this.#seen = standing;
      const soon = Math.max(now + WRITTEN_AFTER_S, this.#lookedAt + LOOK_AFTER_S);
      this.#lookAt = Math.min(this.#lookAt, soon);
    }
    if (!(now >= this.#lookAt)) return;
    this.#lookedAt = now;
    this.#lookAt = now + LOOK_EVERY_S;
    try {
      const { events: all, isWhole } = await this.#records.starts(now - HOUR_S, now);
      const events = all.filter(({ kind }) => kind === "physiological");
      this.#look = { at: now, bars: barsOf(events, now), count: events.length, isCut: !isWhole };
      await this.#try(noisiest(events), now);
    } catch (error) {
      // What is old by then goes by itself; nothing here is worth a person's attention.
      if (!(error instanceof NotRead || error instanceof AnalysisRefused)) throw error;
    }
  }

  stop(): void {
    this.#under_way.abort();
  }

  async #try(metric: string | null, now: number): Promise<void> {
    if (metric === null || now < this.#tryAt) return;
    this.#tryAt = now + TRY_EVERY_S;
    const asked = { since: now - HOUR_S, until: now, units: [] };
    const { signal } = this.#under_way;
    try {
      const limits = { [metric]: TRIED };
      const found = await this.#analyses.whatIf(asked, limits, () => undefined, signal);
      this.#trial = { at: now, metric, limits: TRIED, found };
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
