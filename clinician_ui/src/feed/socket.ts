// The thin shell around link.ts: a WebSocket, the clocks, and the bytes of the contract.

import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

import {
  type Delta,
  type Progress,
  type Snapshot,
  WatchRequestSchema,
  type WatchResponse,
  WatchResponseSchema,
} from "../wire/rpm_service/v1/monitoring_pb";
import { beat } from "./beat";
import type { EventId } from "./delivery";
import { type Link, type LinkCommand, type LinkEvent, type Moment, newLink, step } from "./link";

/** By these a page hears that it is in use again, whatever came between; those of the document
 * are caught on their way there. */
const COMING_BACK = ["visibilitychange", "resume", "pageshow", "focus", "online"];

type Request = NonNullable<MessageInitShape<typeof WatchRequestSchema>["frame"]>;

const SUBSCRIBE = encode({ case: "subscribe", value: { waveforms: true } });
const HEARTBEAT = encode({ case: "heartbeat", value: {} });

/** Whether this page can call somebody; the server counts a bed as covered while one can. */
export interface Presence {
  /** Its sound has been tested and is not off. */
  readonly audioArmed: boolean;
  /** It is in view. */
  readonly visible: boolean;
}

/** The part of a WebSocket that this page uses. */
export interface Socket {
  binaryType: BinaryType;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** Who is told. Every call carries the monotone time in seconds. */
export interface FeedEvents {
  /** A Snapshot: it replaces everything. */
  snapshot(frame: Snapshot, now: number): void;
  delta(frame: Delta, now: number): void;
  progress(frame: Progress, now: number): void;
  /** The server's own words on why it ends the stream. */
  closing(reason: string): void;
  /** Called after each event and at each beat. */
  link(link: Link, now: number): void;
}

export interface FeedWorld {
  openSocket(): Socket;
  /** Whether the server still knows this session; asked when a connection has ended. */
  hasSession(): Promise<boolean>;
  moment(): Moment;
  /** Calls at least each BEAT_MS while the page is not frozen; gives what ends that. */
  beat(call: () => void): () => void;
}

/** The world of a real browser. */
export function browserWorld(url: string, hasSession: () => Promise<boolean>): FeedWorld {
  return {
    openSocket: () => new WebSocket(url),
    hasSession,
    moment: () => ({
      now: performance.now() / 1000,
      wall: new Date().getTime() / 1000,
      jitter: Math.random(),
    }),
    beat,
  };
}

/** Watches the ward for as long as the page lives. */
export class Feed {
  readonly #world: FeedWorld;
  readonly #events: FeedEvents;
  #link: Link;
  #socket: Socket | null = null;
  #presence: Presence = { audioArmed: false, visible: false };
  #stopBeat = (): void => {};

  constructor(world: FeedWorld, events: FeedEvents) {
    this.#world = world;
    this.#events = events;
    this.#link = newLink(world.moment());
  }

  start(): void {
    this.#stopBeat = this.#world.beat(this.#tick);
    // A frozen page and a closed laptop have no beat: look at the clock on coming back.
    for (const event of COMING_BACK) addEventListener(event, this.#comeBack, { capture: true });
    this.#tick();
  }

  stop(): void {
    this.#stopBeat();
    for (const event of COMING_BACK) removeEventListener(event, this.#comeBack, { capture: true });
    this.#drop();
  }

  /** Tells the server whether this page can call somebody: now, and on every new connection. */
  tellPresence(presence: Presence): void {
    const { audioArmed, visible } = this.#presence;
    if (presence.audioArmed === audioArmed && presence.visible === visible) return;
    this.#presence = presence;
    this.#say({ case: "presence", value: presence });
  }

  /** Tells the server which alarm events were presented; false where there is no connection. */
  confirm(events: readonly EventId[]): boolean {
    return this.#say({ case: "confirmDelivery", value: { events: [...events] } });
  }

  #say(frame: Request): boolean {
    if (this.#link.socket !== "open" || this.#socket === null) return false;
    this.#socket.send(encode(frame));
    return true;
  }

  readonly #tick = (): void => this.#happen({ kind: "tick" });

  /** The focus that a control of the page gets passes here too, and says nothing of this kind. */
  readonly #comeBack = ({ target }: Event): void => {
    if (!(target instanceof Element)) this.#tick();
  };

  #happen(event: LinkEvent, frame?: WatchResponse["frame"]): void {
    const moment = this.#world.moment();
    const before = this.#link;
    const { link, commands } = step(before, event, moment);
    this.#link = link;
    try {
      for (const command of commands) this.#obey(command, frame, moment.now);
    } catch (error) {
      // A frame that was not taken has not been heard, however well it was formed.
      this.#link = before;
      this.#happen({ kind: "garbled", connection: before.connection });
      throw error;
    }
    this.#events.link(link, moment.now);
  }

  #obey(command: LinkCommand, frame: WatchResponse["frame"] | undefined, now: number): void {
    switch (command) {
      case "open":
        return this.#open(this.#link.connection);
      case "drop":
        return this.#drop();
      case "subscribe":
        this.#socket?.send(SUBSCRIBE);
        return this.#socket?.send(encode({ case: "presence", value: this.#presence }));
      case "heartbeat":
        return this.#socket?.send(HEARTBEAT);
      case "take":
        return this.#take(frame, now);
    }
  }

  #open(connection: number): void {
    const socket = this.#world.openSocket();
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#happen({ kind: "opened", connection });
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      const frame = decode(data);
      this.#happen(
        frame === null ? { kind: "garbled", connection } : eventOf(frame, connection),
        frame ?? undefined,
      );
    };
    socket.onclose = ({ code }) => {
      this.#happen({ kind: "closed", connection, code });
      void this.#askForSession();
    };
  }

  /** A handshake that is refused shows no reason to a page, and a close code may be lost on the
   * way: ask whether it was the session. */
  async #askForSession(): Promise<void> {
    if (!(await this.#world.hasSession())) this.#happen({ kind: "no_session" });
  }

  #drop(): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #take(frame: WatchResponse["frame"] | undefined, now: number): void {
    switch (frame?.case) {
      case "snapshot":
        return this.#events.snapshot(frame.value, now);
      case "delta":
        return this.#events.delta(frame.value, now);
      case "progress":
        return this.#events.progress(frame.value, now);
      case "closing":
        return this.#events.closing(frame.value.reason);
    }
  }
}

function encode(frame: Request): Uint8Array<ArrayBuffer> {
  return toBinary(WatchRequestSchema, create(WatchRequestSchema, { frame }));
}

function decode(data: unknown): WatchResponse["frame"] | null {
  if (!(data instanceof ArrayBuffer)) return null;
  try {
    return fromBinary(WatchResponseSchema, new Uint8Array(data)).frame;
  } catch {
    // Not bytes of this contract; what it says cannot be trusted, whatever is wrong with it.
    return null;
  }
}

function eventOf(frame: WatchResponse["frame"], connection: number): LinkEvent {
  switch (frame.case) {
    case "snapshot":
    case "delta":
    case "progress": {
      const { serverClock } = frame.value;
      // Every age is counted on it: without it no number can be shown.
      if (!Number.isFinite(serverClock) || serverClock <= 0) return { kind: "garbled", connection };
      return { kind: "frame", connection, frame: frame.case, serverClock };
    }
    case "closing":
      return { kind: "frame", connection, frame: "closing" };
    case undefined:
      // A newer server says something that this page does not know yet.
      return { kind: "frame", connection, frame: "unknown" };
  }
}
