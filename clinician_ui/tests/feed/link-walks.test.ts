// Every way of a few steps, and long ways at random: what must hold of the link wherever it is.

import { expect, test } from "vitest";

import { RETRY_S_MAX } from "../../src/feed/backoff";
import {
  CONNECTION_SILENT_S_MAX,
  HEARTBEAT_EVERY_S,
  type Link,
  type LinkEvent,
  newLink,
  NO_SESSION,
  NOT_MONITORING_AFTER_S,
  step,
} from "../../src/feed/link";

const SERVER_LEAD_S = 1_700_000_000;

/** The page lets the server's clock drift by so much in the longest walk: see clock.ts. */
const DRIFTED_S = 1;

/** What may happen, and how much time goes by on which clock before it. */
interface Move {
  readonly name: string;
  readonly passes_s?: number;
  readonly sleeps_s?: number;
  readonly clockSet_s?: number;
  readonly event: (connection: number, serverClock: number) => LinkEvent;
}

const tick = (): LinkEvent => ({ kind: "tick" });
const MOVES: readonly Move[] = [
  { name: "0.25 s", passes_s: 0.25, event: tick },
  { name: "2.5 s", passes_s: 2.5, event: tick },
  { name: "6 s", passes_s: 6, event: tick },
  { name: "sleep of 3 s", sleeps_s: 3, event: tick },
  { name: "sleep of an hour", sleeps_s: 3600, event: tick },
  { name: "clock set back", clockSet_s: -3600, event: tick },
  { name: "opened", event: (connection) => ({ kind: "opened", connection }) },
  {
    name: "snapshot",
    event: (connection, serverClock) => ({
      kind: "frame",
      connection,
      frame: "snapshot",
      serverClock,
    }),
  },
  {
    name: "delta",
    event: (connection, serverClock) => ({
      kind: "frame",
      connection,
      frame: "delta",
      serverClock,
    }),
  },
  {
    name: "late delta",
    event: (connection, serverClock) => ({
      kind: "frame",
      connection,
      frame: "delta",
      serverClock: serverClock - 4,
    }),
  },
  { name: "unknown", event: (connection) => ({ kind: "frame", connection, frame: "unknown" }) },
  {
    name: "snapshot of an older connection",
    event: (connection, serverClock) => ({
      kind: "frame",
      connection: connection - 1,
      frame: "snapshot",
      serverClock,
    }),
  },
  { name: "garbled", event: (connection) => ({ kind: "garbled", connection }) },
  { name: "closed", event: (connection) => ({ kind: "closed", connection, code: 1006 }) },
  { name: "no session", event: (connection) => ({ kind: "closed", connection, code: NO_SESSION }) },
];

/** Where a walk is. What a socket can do is honoured: one that is closed says nothing more. */
interface Place {
  readonly link: Link;
  readonly now: number;
  /** What the server's clock has counted since the beginning; the truth. */
  readonly passed_s: number;
  readonly wallSet_s: number;
  /** The true time of the newest frame that was shown; NaN where none is. */
  readonly shownAt: number;
  readonly sockets: number;
  /** How long it slept since its snapshot: so much of a frame's delay the page cannot know. */
  readonly slept_s: number;
  /** The newest frame was late. */
  readonly wasLate: boolean;
}

function begin(): Place {
  const link = newLink({ now: 0, wall: SERVER_LEAD_S, jitter: 0 });
  return {
    link,
    now: 0,
    passed_s: 0,
    wallSet_s: 0,
    shownAt: NaN,
    sockets: 0,
    slept_s: 0,
    wasLate: false,
  };
}

/** One move, and what must hold after it; throws where it does not. */
function move(from: Place, { passes_s = 0, sleeps_s = 0, clockSet_s = 0, event }: Move): Place {
  const now = from.now + passes_s;
  const passed_s = from.passed_s + passes_s + sleeps_s;
  const wallSet_s = from.wallSet_s + clockSet_s;
  const moment = { now, wall: SERVER_LEAD_S + passed_s + wallSet_s, jitter: 0 };
  const happened = event(from.link.connection, SERVER_LEAD_S + passed_s);
  const { link, commands } = step(from.link, happened, moment);

  const taken = commands.includes("take");
  const snapshot = happened.kind === "frame" && happened.frame === "snapshot";
  const says = happened.kind === "frame" && "serverClock" in happened;
  let { shownAt, sockets } = from;
  const slept_s = taken && snapshot ? 0 : from.slept_s + sleeps_s;
  const isLate = says && happened.serverClock < SERVER_LEAD_S + passed_s;
  if (taken && says) shownAt = happened.serverClock - SERVER_LEAD_S;
  for (const command of commands) {
    if (command === "open") sockets += 1;
    if (command === "drop") sockets = 0;
  }
  if (happened.kind === "no_session") sockets = 0;

  const shows = link.phase === "live" || link.phase === "quiet";
  const unknown_s = from.wasLate || isLate ? slept_s + DRIFTED_S : 0;
  must(
    !shows || passed_s - shownAt < NOT_MONITORING_AFTER_S + unknown_s,
    "shows what is five seconds old",
  );
  const wasDark = from.link.phase === "NOT_MONITORING" || from.link.phase === "connecting";
  must(!(wasDark && shows) || (taken && snapshot), "shows again without a snapshot");
  must(!taken || (happened.kind === "frame" && isOn(from.link, happened)), "takes what is old");
  must(!(taken && says) || snapshot || from.link.synced, "takes a delta before its snapshot");
  must(sockets <= 1, "has two sockets");
  must((link.socket === "none") === (sockets === 0), "forgot a socket");
  must(from.link.phase !== "signed_out" || (link === from.link && commands.length === 0), "stirs");
  must(link.socket !== "none" || link.retryAt <= now + RETRY_S_MAX, "waits too long");
  must(link.socket !== "open" || link.heartbeatAt <= now + HEARTBEAT_EVERY_S, "sends no heartbeat");
  const wasLate = taken && says ? isLate : from.wasLate;
  return { link, now, passed_s, wallSet_s, shownAt, sockets, slept_s, wasLate };
}

function isOn(link: Link, { connection }: { readonly connection: number }): boolean {
  return link.socket !== "none" && link.connection === connection;
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

/** From wherever it is, a link whose server answers shows the ward again in bounded time. */
function comesBack(from: Place): void {
  let place = from;
  const bound_s = CONNECTION_SILENT_S_MAX + RETRY_S_MAX + 0.5;
  for (let waited_s = 0; waited_s <= bound_s; waited_s += 0.25) {
    place = move(place, named("0.25 s"));
    if (place.link.phase === "signed_out") return;
    if (place.link.socket === "opening" && place.link.connection > from.link.connection) {
      place = move(move(place, named("opened")), named("snapshot"));
      must(place.link.phase === "live", "a snapshot does not bring it back");
      return;
    }
    // The connection that is there may also do: its server says nothing any more.
  }
  throw new Error("never connects again");
}

function named(name: string): Move {
  const found = MOVES.find((each) => each.name === name);
  if (found === undefined) throw new Error(name);
  return found;
}

/** Names the way to where something does not hold. */
function walk(place: Place, way: readonly Move[]): Place {
  let at = place;
  for (const [index, each] of way.entries()) {
    try {
      at = move(at, each);
    } catch (error) {
      const names = way.slice(0, index + 1).map(({ name }) => name);
      throw new Error(`${String(error)} after ${names.join(", ")}`, { cause: error });
    }
  }
  return at;
}

test("shows nothing old, and one socket at most, on every way of four steps from a live link [STATION-84]", () => {
  const live = walk(begin(), ["0.25 s", "opened", "snapshot"].map(named));
  let ways = 0;
  const descend = (place: Place, way: readonly Move[]): void => {
    ways += 1;
    if (way.length === 4) return;
    for (const each of MOVES) {
      // A walk through thousands of ways keeps its own path only.
      let next: Place;
      try {
        next = move(place, each);
      } catch (error) {
        const names = [...way, each].map(({ name }) => name);
        throw new Error(`${String(error)} after ${names.join(", ")}`, { cause: error });
      }
      if (next.link.phase === "signed_out" && way.length > 1) continue;
      descend(next, [...way, each]);
    }
  };
  descend(live, []);
  expect(ways).toBeGreaterThan(30_000);
});

test("holds on two thousand long ways, and comes back from the end of each [STATION-84]", () => {
  const within = random(4);
  const going = MOVES.filter(({ name }) => name !== "no session");
  for (let number = 0; number < 2000; number++) {
    const way = Array.from(
      { length: 60 },
      () => going[Math.floor(within() * going.length)] as Move,
    );
    comesBack(walk(begin(), way));
  }
});

/** Repeatable numbers from 0 to 1. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
