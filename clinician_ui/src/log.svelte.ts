// The event log as a person reads it: found by a filter, read on by pages, and following what
// happens now.

import {
  EVERYTHING,
  type LogFilter,
  type LogPage,
  oneOfEachCondition,
  pageOf,
  queryOf,
  withNewest,
  withOlder,
} from "./model/log";
import { words } from "./words";

/** No answer within this time is a failure that the person is told. */
const ANSWER_WITHIN_MS = 10_000;
/** Events of one moment are asked for together. */
const FOLLOW_AFTER_MS = 700;
/** Events that are kept; whoever looks further back looks for less. */
const EVENTS_MAX = 2000;

const NOTHING: LogPage = { events: [], nextBefore: null };

export type Get = (path: string, init: RequestInit) => Promise<Response>;

export class EventLog {
  filter = $state.raw<LogFilter>(EVERYTHING);
  /** Why there is nothing to read, in one line; empty where there is. */
  trouble = $state("");
  reading = $state(false);

  #page = $state.raw<LogPage>(NOTHING);
  readonly #get: Get;
  /** Counts what was asked; an answer to what was asked before is no longer wanted. */
  #asked = 0;
  #following: ReturnType<typeof setTimeout> | undefined;

  readonly events = $derived(this.#page.events);
  readonly hasOlder = $derived(this.#page.nextBefore !== null && this.events.length < EVENTS_MAX);
  /** One event of each condition that was read. */
  readonly conditions = $derived(oneOfEachCondition(this.#page));
  readonly people = $derived(namesOf(this.#page, ({ by }) => by));

  constructor(get: Get = (path, init) => fetch(path, init)) {
    this.#get = get;
  }

  /** Looks for something else, from the newest on. */
  find(filter: LogFilter): Promise<void> {
    this.filter = filter;
    return this.#read(null, (page) => page);
  }

  older(): Promise<void> {
    const { nextBefore } = this.#page;
    return this.#read(nextBefore, (page) => withOlder(this.#page, page));
  }

  /** Something has happened to an alarm: soon after, the log has it. */
  follow(): void {
    this.#following ??= setTimeout(() => {
      this.#following = undefined;
      void this.#read(null, (page) => withNewest(this.#page, page));
    }, FOLLOW_AFTER_MS);
  }

  stop(): void {
    this.#asked += 1;
    clearTimeout(this.#following);
    this.#following = undefined;
  }

  async #read(before: number | null, then: (page: LogPage) => LogPage): Promise<void> {
    const asked = ++this.#asked;
    this.reading = true;
    try {
      const answer = await this.#get(`/v1/journal?${queryOf(this.filter, before)}`, {
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      if (!answer.ok) throw new Error(words.refused(answer.status));
      const page = pageOf(await answer.json());
      if (asked !== this.#asked) return;
      this.#page = then(page);
      this.trouble = "";
    } catch (error) {
      // Whatever kept the log away, an old one must not pass for what happens now.
      if (asked === this.#asked) this.trouble = words.noLog(reasonOf(error));
    } finally {
      if (asked === this.#asked) this.reading = false;
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && error.name === "Error" ? error.message : words.noLogAnswer;
}

function namesOf(page: LogPage, nameOf: (event: LogPage["events"][number]) => string): string[] {
  return [...new Set(page.events.map(nameOf))].filter(Boolean).sort();
}
