// The event log: what happened to alarms, newest first, as the journal has it.

import { create } from "@bufbuild/protobuf";

import {
  type AlarmEvent,
  AlarmEventSchema,
  AlarmKind,
  AlarmPhase,
  AlarmPresence,
  AlarmPriority,
  Responsibility,
} from "../wire/rpm_service/v1/alarm_pb";

export interface LogEvent {
  /** Its number in the journal. */
  readonly seq: number;
  readonly unit: string;
  /** Who did what happened; empty where it happened by itself. */
  readonly by: string;
  /** The alarm after it. */
  readonly alarm: AlarmEvent;
}

/** A page of the journal. */
export interface LogPage {
  readonly events: readonly LogEvent[];
  /** What is older comes before this number; null where there is nothing older. */
  readonly nextBefore: number | null;
}

/** What is looked for; what is empty leaves nothing out. Times in Unix seconds. */
export interface LogFilter {
  readonly since: number | undefined;
  readonly until: number | undefined;
  readonly bed: string;
  readonly unit: string;
  readonly priority: string;
  readonly condition: string;
  readonly phase: string;
  readonly by: string;
}

export const EVERYTHING: LogFilter = {
  since: undefined,
  until: undefined,
  bed: "",
  unit: "",
  priority: "",
  condition: "",
  phase: "",
  by: "",
};

/** What the server is asked for. */
export function queryOf(filter: LogFilter, before: number | null): string {
  const { since, until, bed, unit, priority, condition, by } = filter;
  const phase = filter.phase.toLowerCase();
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ bed, unit, priority, condition, phase, by })) {
    if (value !== "") query.set(name, value);
  }
  // A log is of a bed, whoever lay in it.
  if (bed !== "") query.set("earlier", "true");
  for (const [name, value] of Object.entries({ since, until, before: before ?? undefined })) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.toString();
}

/** What was loaded, after the newest page was read again; what lies between is never left out. */
export function withNewest(known: LogPage, newest: LogPage): LogPage {
  const top = known.events[0]?.seq ?? -1;
  const fresh = newest.events.filter(({ seq }) => seq > top);
  const isJoined = fresh.length < newest.events.length || newest.nextBefore === null;
  return isJoined && known.events.length > 0
    ? { events: [...fresh, ...known.events], nextBefore: known.nextBefore }
    : newest;
}

/** What was loaded, and what is older; nothing twice. */
export function withOlder(known: LogPage, older: LogPage): LogPage {
  const last = known.events.at(-1)?.seq ?? Infinity;
  return { ...older, events: [...known.events, ...older.events.filter(({ seq }) => seq < last)] };
}

/** An event of each condition, by its name. */
export function oneOfEachCondition({ events }: LogPage): LogEvent[] {
  const each = new Map(events.map((event) => [event.alarm.condition, event]));
  return [...each.values()].sort((a, b) => (a.alarm.condition < b.alarm.condition ? -1 : 1));
}

/** The answer of the server. Throws TypeError for what is none. */
export function pageOf(answer: unknown): LogPage {
  const { events, next_before } = answer as { events: unknown; next_before: unknown };
  if (!Array.isArray(events)) throw new TypeError("the journal's answer has no events");
  return {
    events: events.map(eventOf),
    nextBefore: typeof next_before === "number" ? next_before : null,
  };
}

type Told = Record<string, unknown>;

function eventOf(told: Told): LogEvent {
  const text = (name: string): string => {
    const value = told[name];
    return typeof value === "string" ? value : "";
  };
  const number = (name: string): number | undefined => {
    const value = told[name];
    return typeof value === "number" ? value : undefined;
  };
  const given = <Name extends string>(name: Name, value: number | undefined) =>
    value === undefined ? {} : ({ [name]: value } as Record<Name, number>);
  const alarm = create(AlarmEventSchema, {
    occurrenceId: String(told["occurrence_id"]),
    eventSeq: number("event_seq") ?? 0,
    bed: text("bed"),
    condition: text("condition"),
    metric: text("metric"),
    text: text("text"),
    phase: named(AlarmPhase, text("phase")),
    kind: named(AlarmKind, text("kind")),
    priority: named(AlarmPriority, text("priority")),
    presence: named(AlarmPresence, text("presence")),
    raisedAt: number("raised_at") ?? 0,
    receivedAt: number("at") ?? 0,
    responsible: text("responsible"),
    responsibility: answered(told["accepted"]),
    observedAt: number("observed_at") ?? 0,
    lateDetected: told["late_detected"] === true,
    ...given("value", number("value")),
    ...given("extreme", number("extreme")),
    ...given("limit", number("limit")),
    ...given("endedAt", number("ended_at")),
  });
  return { seq: number("seq") ?? 0, unit: text("unit"), by: text("by"), alarm };
}

/** The number of an enum's name; 0, unspecified, for one that this page does not know. */
function named(names: Record<string, string | number>, name: string): number {
  const value = names[name.toUpperCase()];
  return typeof value === "number" ? value : 0;
}

function answered(accepted: unknown): Responsibility {
  if (typeof accepted !== "boolean") return Responsibility.UNSPECIFIED;
  return accepted ? Responsibility.ACCEPTED : Responsibility.REJECTED;
}

/** A table as a file. What a spreadsheet would take for a formula is text. */
export function csvOf(rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number): string => {
    if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
    const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
