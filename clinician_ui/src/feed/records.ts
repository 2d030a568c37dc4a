// What the server has stored, asked for by bed. It reads, and changes nothing.

import { words } from "../words";
import type { Limits } from "./acts";

/** A long trend of a busy server takes a second or two; longer than this is a failure. */
const ANSWER_WITHIN_MS = 15_000;
/** Pages of the journal that one look asks for. */
const PAGES_MAX = 5;
const EVENTS_A_PAGE = 200;

/** One metric in buckets: null where there is no value. */
export interface MetricTrend {
  readonly name: string;
  readonly unit: string;
  readonly decimals: number;
  /** How often it is measured, in seconds. */
  readonly period_s: number;
  /** Middles of the buckets, Unix seconds. */
  readonly at: readonly number[];
  readonly mean: readonly (number | null)[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
}

export interface Trend {
  readonly since: number;
  readonly until: number;
  readonly step_s: number;
  readonly metrics: readonly MetricTrend[];
}

export interface StoredScore {
  readonly at: number;
  readonly total: number | null;
  readonly complete: boolean;
}

/** A score with what it is made of. */
export interface WholeScore extends StoredScore {
  readonly sub_scores: readonly { readonly input: string; readonly score: number }[];
  readonly missing: readonly string[];
}

/** What the preset says of a metric, and how far it may be moved, ends included. */
export interface Movable {
  readonly metric: string;
  readonly preset: Limits | null;
  readonly bounds: {
    readonly low: readonly [number, number];
    readonly high: readonly [number, number];
    readonly delay_s_max: number;
    readonly extreme_delay_s_max: number;
  } | null;
}

/** Limits around the value of now. */
export type Proposed = Limits & { readonly metric: string; readonly value: number };

/** What is known of a bed beyond its measurements; null where there is none. Unix seconds. */
export interface Registered {
  readonly unit: string;
  readonly admitted_at: number | null;
  readonly device_id: string;
  readonly associated_at: number | null;
  readonly oxygen_scale: string | null;
  readonly oxygen_scale_by: string | null;
  readonly oxygen_scale_reason: string | null;
}

/** What was measured around the beginning of an occurrence; null where nothing was. */
export interface Evidence {
  readonly raised_at: number;
  readonly since: number;
  readonly until: number;
  readonly numerics: readonly {
    readonly name: string;
    readonly unit: string;
    readonly at: readonly number[];
    readonly values: readonly (number | null)[];
  }[];
  readonly waveforms: readonly {
    readonly name: string;
    readonly unit: string;
    readonly rate_hz: number;
    readonly chunks: readonly {
      readonly start_at: number;
      readonly values: readonly (number | null)[];
    }[];
  }[];
}

/** An alarm event with what crossed what, and who acknowledged it. */
export interface WholeEvent extends JournalEvent {
  readonly value: number | null;
  readonly extreme: number | null;
  readonly limit: number | null;
  readonly acknowledged_by: string | null;
}

export interface JournalPage {
  readonly events: readonly WholeEvent[];
  /** Asks for older ones; null where there are none. */
  readonly next_before: number | null;
}

/** An alarm event in the journal. */
export interface JournalEvent {
  readonly seq: number;
  readonly at: number;
  readonly phase: string;
  readonly presence: string;
  readonly condition: string;
  readonly kind: string;
  readonly metric: string | null;
  readonly priority: "LOW" | "MEDIUM" | "HIGH";
  readonly text: string | null;
  readonly occurrence_id: number;
  readonly raised_at: number;
  readonly ended_at: number | null;
}

/** The server did not give what was asked for; the message is one line for the person. */
export class NotRead extends Error {}

export type Get = (path: string, init: RequestInit) => Promise<Response>;

/** Reads; each rejects with NotRead. */
export class Records {
  readonly #get: Get;

  constructor(get: Get = (path, init) => fetch(path, init)) {
    this.#get = get;
  }

  trend(bed: string, since: number, until: number, points: number): Promise<Trend> {
    return this.#read(`${pathOf(bed)}/trend`, { since, until, points });
  }

  /** The newest scores of who lies there, oldest first. */
  async scores(bed: string): Promise<readonly WholeScore[]> {
    const { scores } = await this.#read<{ scores: WholeScore[] }>(`${pathOf(bed)}/scores`, {});
    return scores;
  }

  /** Alarm events of who lies there, newest first: as many as a few pages hold. */
  async events(bed: string, since: number, until: number): Promise<readonly JournalEvent[]> {
    const events: JournalEvent[] = [];
    let before: number | null = null;
    for (let pages = 0; pages < PAGES_MAX; pages += 1) {
      const page: JournalPage = await this.#read("/v1/journal", {
        bed,
        since,
        until,
        limit: EVENTS_A_PAGE,
        ...(before !== null && { before }),
      });
      events.push(...page.events);
      before = page.next_before;
      if (before === null) break;
    }
    return events;
  }

  /** Alarms that began, newest first, and whether these are all: as many as a few pages hold. */
  async starts(
    since: number,
    until: number,
  ): Promise<{ readonly events: readonly WholeEvent[]; readonly isWhole: boolean }> {
    const events: WholeEvent[] = [];
    let before: number | null = null;
    for (let pages = 0; pages < PAGES_MAX; pages += 1) {
      const asked = { phase: "start", since, until, limit: EVENTS_A_PAGE };
      const page: JournalPage = await this.#read(
        "/v1/journal",
        before === null ? asked : { ...asked, before },
      );
      events.push(...page.events);
      before = page.next_before;
      if (before === null) break;
    }
    return { events, isWhole: before === null };
  }

  /** One page of alarm events of who lies there, newest first. */
  journal(bed: string, before: number | null = null): Promise<JournalPage> {
    const asked = { bed, limit: EVENTS_A_PAGE };
    return this.#read("/v1/journal", before === null ? asked : { ...asked, before });
  }

  evidence(occurrenceId: number): Promise<Evidence> {
    return this.#read(`/v1/alarms/${occurrenceId}/evidence`, {});
  }

  registered(bed: string): Promise<Registered> {
    return this.#read(`${pathOf(bed)}/registered`, {});
  }

  limits(bed: string): Promise<readonly Movable[]> {
    return this.#read(`${pathOf(bed)}/limits`, {});
  }

  proposedLimits(bed: string): Promise<readonly Proposed[]> {
    return this.#read(`${pathOf(bed)}/proposed-limits`, {});
  }

  async #read<T>(path: string, asked: Record<string, number | string>): Promise<T> {
    const query = new URLSearchParams(
      Object.entries(asked).map(([name, value]) => [name, String(value)]),
    );
    let response: Response;
    try {
      response = await this.#get(`${path}?${query.toString()}`, {
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
    } catch {
      throw new NotRead(words.trendsNoAnswer);
    }
    const body: unknown = await response.json().catch(() => null);
    if (!response.ok) throw new NotRead(reasonIn(body) ?? words.refused(response.status));
    return body as T;
  }
}

/** Where the numbers of a time can be had as a table. */
export function exportAddress(bed: string, since: number, until: number): string {
  const query = new URLSearchParams({ since: String(since), until: String(until) });
  return `${pathOf(bed)}/numerics.csv?${query.toString()}`;
}

function pathOf(bed: string): string {
  return `/v1/beds/${encodeURIComponent(bed)}`;
}

function reasonIn(body: unknown): string | null {
  if (typeof body !== "object" || body === null || !("error" in body)) return null;
  return typeof body.error === "string" ? body.error : null;
}
