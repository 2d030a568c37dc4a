// The link to the server, as a state machine: events and the time in, the next state and
// commands out. It reads no clock and owns no socket (see socket.ts), so that every way a feed
// can die is a test of a few lines.
//
//   connecting ── Snapshot ──▶ live ◀─ frame / Snapshot ─▶ quiet
//       │                       │        2 s silent          │
//       └────── 5 s ──────▶ NOT_MONITORING ◀────── 5 s ──────┘
//                               └── Snapshot ──▶ live
//   any ── refused for want of a session ──▶ signed_out, for good
//
// What the person sees hangs on `phase` alone. Two rules carry the safety of the page:
// a page that has taken no frame for five seconds is NOT_MONITORING, whatever the socket says;
// and only a new Snapshot ends that, for whatever came in between was missed.
//
// Silence is counted three ways, and the longest counts:
// - on the monotone clock, which some systems stop while the machine sleeps;
// - on the wall clock, which goes on in sleep and may be set. A clock that jumps by five seconds
//   or more, either way, leaves nobody knowing how long it was: that is silence too, and costs
//   one new Snapshot;
// - from when the server said the frame, not from when it came: a feed that is five seconds
//   late on its way is as silent as none.

import { hearClock, type ServerClock, saidAt } from "../model/clock";
import { retryDelay_s } from "./backoff";

/** Seconds without a frame until the page says that the feed is quiet. The server sends one at
 * least each second. */
export const QUIET_AFTER_S = 2;
/** Seconds without a frame until the page hides its numbers. */
export const NOT_MONITORING_AFTER_S = 5;
/** Seconds that a connection may take to open, and then to bring its Snapshot. */
export const CONNECTION_SILENT_S_MAX = 5;
/** Seconds that a connection must last before the ones that failed before it are forgotten: a
 * server that ends each one after its Snapshot is not asked twice a second for ever. */
export const STEADY_AFTER_S = 10;
/** Seconds between two proofs of life to the server. */
export const HEARTBEAT_EVERY_S = 5;
/** WebSocket close code: there is no session. */
export const NO_SESSION = 4401;

export type Phase = "connecting" | "live" | "quiet" | "NOT_MONITORING" | "signed_out";

/** What the machine may know of the world at one moment. */
export interface Moment {
  /** Monotone seconds. */
  readonly now: number;
  /** Wall clock, Unix seconds; used only to notice time that the monotone clock did not count. */
  readonly wall: number;
  /** From 0 to 1, for the back-off. */
  readonly jitter: number;
}

/** What happened. `connection` is the number of the connection it happened on. */
export type LinkEvent =
  | { readonly kind: "tick" }
  | { readonly kind: "opened"; readonly connection: number }
  | {
      readonly kind: "frame";
      readonly connection: number;
      readonly frame: "snapshot" | "delta" | "progress";
      /** The server's clock when it said this. */
      readonly serverClock: number;
    }
  | { readonly kind: "frame"; readonly connection: number; readonly frame: "closing" | "unknown" }
  | { readonly kind: "closed"; readonly connection: number; readonly code: number }
  | { readonly kind: "garbled"; readonly connection: number }
  | { readonly kind: "no_session" };

/** What the shell must do now. `take` says that the frame of this event is to be shown. */
export type LinkCommand = "open" | "drop" | "subscribe" | "heartbeat" | "take";

export interface Link {
  readonly phase: Phase;
  /** Number of the newest connection, from 1; what older ones still say is not heard. */
  readonly connection: number;
  readonly socket: "none" | "opening" | "open";
  /** Whether this connection has brought its Snapshot. */
  readonly synced: boolean;
  /** When the server said the newest frame that was taken; the page's start until then. */
  readonly heardAt: number;
  /** The wall clock then. */
  readonly heardWall: number;
  /** Seconds since, by the clock that counted more. */
  readonly silent_s: number;
  /** The server's clock, by the frames of this connection. */
  readonly clock: ServerClock | null;
  /** When this connection last came nearer to its Snapshot. */
  readonly stirredAt: number;
  /** When this connection brought its first Snapshot. */
  readonly syncedAt: number;
  /** When the machine was last asked. */
  readonly lookedAt: number;
  /** Connections that ended since one was steady. */
  readonly failures: number;
  readonly retryAt: number;
  readonly heartbeatAt: number;
  /** Wall clock minus monotone clock; a jump means sleep, or a clock that was set. */
  readonly wallOffset_s: number;
}

export interface Step {
  readonly link: Link;
  readonly commands: readonly LinkCommand[];
}

/** A link that has done nothing yet; the first tick opens it. */
export function newLink({ now, wall }: Moment): Link {
  return {
    phase: "connecting",
    connection: 0,
    socket: "none",
    synced: false,
    heardAt: now,
    heardWall: wall,
    silent_s: 0,
    clock: null,
    stirredAt: now,
    syncedAt: Infinity,
    lookedAt: now,
    failures: 0,
    retryAt: now,
    heartbeatAt: Infinity,
    wallOffset_s: wall - now,
  };
}

/** The next state, and what the shell must do. */
export function step(before: Link, event: LinkEvent, moment: Moment): Step {
  if (before.phase === "signed_out") return { link: before, commands: [] };
  const commands: LinkCommand[] = [];
  let link = expire(before, moment, commands);
  if (event.kind === "no_session") {
    link = { ...giveUp(link, moment.now, moment.jitter, commands), phase: "signed_out" };
  } else if (event.kind !== "tick" && isCurrent(link, event.connection)) {
    link = hear(link, event, moment, commands);
  }
  if (link.phase !== "signed_out") link = keepUp(link, moment, commands);
  return { link, commands };
}

function isCurrent(link: Link, connection: number): boolean {
  return link.socket !== "none" && link.connection === connection;
}

/** Time has passed: the feed may have gone quiet, or the machine may have slept. */
function expire(link: Link, { now, wall, jitter }: Moment, commands: LinkCommand[]): Link {
  const wallOffset_s = wall - now;
  const jumped = Math.abs(wallOffset_s - link.wallOffset_s) >= NOT_MONITORING_AFTER_S;
  const silent_s = Math.max(now - link.heardAt, wall - link.heardWall);
  let next: Link = { ...link, wallOffset_s, silent_s, lookedAt: now };
  if (jumped || silent_s >= NOT_MONITORING_AFTER_S) {
    next = { ...next, phase: "NOT_MONITORING" };
  } else if (next.phase === "live" && silent_s >= QUIET_AFTER_S) {
    next = { ...next, phase: "quiet" };
  }
  if (next.socket === "none") return next;
  const stuck = !next.synced && now - next.stirredAt >= CONNECTION_SILENT_S_MAX;
  const missedSome = next.phase === "NOT_MONITORING" && next.synced;
  // What waited on a connection while the machine slept is old, a Snapshot no less.
  if (!stuck && !missedSome && !jumped) return next;
  next = giveUp(next, now, jitter, commands);
  // It was this page that was away, and not the server: somebody has just come back to it.
  const wasAway = jumped || now - link.lookedAt >= NOT_MONITORING_AFTER_S;
  return wasAway && link.failures === 0 ? { ...next, retryAt: now } : next;
}

/** This connection did something. */
function hear(
  link: Link,
  event: Exclude<LinkEvent, { kind: "tick" | "no_session" }>,
  moment: Moment,
  commands: LinkCommand[],
): Link {
  const { now, jitter } = moment;
  switch (event.kind) {
    case "opened":
      commands.push("subscribe");
      return { ...link, socket: "open", stirredAt: now, heartbeatAt: now + HEARTBEAT_EVERY_S };
    case "closed": {
      const next = giveUp(link, now, jitter, commands);
      return event.code === NO_SESSION ? { ...next, phase: "signed_out" } : next;
    }
    case "garbled":
      return giveUp(link, now, jitter, commands);
    case "frame":
      switch (event.frame) {
        // Neither proves that alarms would come through.
        case "closing":
        case "unknown":
          commands.push("take");
          return link;
        case "snapshot": {
          const syncedAt = link.synced ? link.syncedAt : now;
          const next = { ...link, synced: true, syncedAt, clock: null };
          return take(next, event.serverClock, moment, commands);
        }
        default:
          // Before its Snapshot a connection cannot refresh what is shown.
          return link.synced ? take(link, event.serverClock, moment, commands) : link;
      }
  }
}

/** Takes a frame, unless it was so long on its way that nothing can be said of now. */
function take(link: Link, serverClock: number, moment: Moment, commands: LinkCommand[]): Link {
  const { now, wall, jitter } = moment;
  const clock = hearClock(link.clock, serverClock, now);
  const heardAt = saidAt(clock, serverClock);
  const silent_s = now - heardAt;
  const heard = { ...link, clock, heardAt, heardWall: wall - silent_s, silent_s };
  if (silent_s >= NOT_MONITORING_AFTER_S) {
    return giveUp({ ...heard, phase: "NOT_MONITORING" }, now, jitter, commands);
  }
  commands.push("take");
  const isSteady = now - link.syncedAt >= STEADY_AFTER_S;
  return {
    ...heard,
    phase: silent_s >= QUIET_AFTER_S ? "quiet" : "live",
    failures: isSteady ? 0 : link.failures,
  };
}

/** Connects when it is time to, and proves to the server that this page lives. */
function keepUp(link: Link, { now }: Moment, commands: LinkCommand[]): Link {
  if (link.socket === "none" && now >= link.retryAt) {
    commands.push("open");
    return { ...link, socket: "opening", connection: link.connection + 1, stirredAt: now };
  }
  if (link.socket === "open" && now >= link.heartbeatAt) {
    commands.push("heartbeat");
    return { ...link, heartbeatAt: now + HEARTBEAT_EVERY_S };
  }
  return link;
}

/** This connection is over. */
function giveUp(link: Link, now: number, jitter: number, commands: LinkCommand[]): Link {
  commands.push("drop");
  const failures = link.failures + 1;
  return {
    ...link,
    phase: link.phase === "live" ? "quiet" : link.phase,
    socket: "none",
    synced: false,
    syncedAt: Infinity,
    failures,
    retryAt: now + retryDelay_s(failures, jitter),
    heartbeatAt: Infinity,
  };
}
