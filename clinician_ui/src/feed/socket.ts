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
import type { EventId } from "./delivery";
import {
  type FrameKind,
  type Link,
  type LinkCommand,
  type LinkEvent,
  type Moment,
  newLink,
  step,
} from "./link";

/** How often the link looks at the clock, in milliseconds. */
const TICK_MS = 250;

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
  /** Called after each event and at least every TICK_MS. */
  link(link: Link, now: number): void;
}

export interface FeedWorld {
  openSocket(): Socket;
  /** Whether the server still knows this session; asked when a connection has ended. */
  hasSession(): Promise<boolean>;
  moment(): Moment;
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
  };
}

/** Watches the ward for as long as the page lives. */
export class Feed {
  readonly #world: FeedWorld;
  readonly #events: FeedEvents;
  #link: Link;
  #socket: Socket | null = null;
  #presence: Presence = { audioArmed: false, visible: false };
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(world: FeedWorld, events: FeedEvents) {
    this.#world = world;
    this.#events = events;
    this.#link = newLink(world.moment());
  }

  start(): void {
    this.#timer = setInterval(this.#tick, TICK_MS);
    // Timers sleep in a hidden tab and in a closed laptop: look at the clock on coming back.
    document.addEventListener("visibilitychange", this.#tick);
    addEventListener("pageshow", this.#tick);
    addEventListener("focus", this.#tick);
    this.#tick();
  }

  stop(): void {
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.#tick);
    removeEventListener("pageshow", this.#tick);
    removeEventListener("focus", this.#tick);
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

  #happen(event: LinkEvent, frame?: WatchResponse["frame"]): void {
    const moment = this.#world.moment();
    const { link, commands } = step(this.#link, event, moment);
    this.#link = link;
    for (const command of commands) this.#obey(command, frame, moment.now);
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
      if (frame === null) this.#happen({ kind: "garbled", connection });
      else this.#happen({ kind: "frame", connection, frame: kindOf(frame) }, frame);
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

function kindOf(frame: WatchResponse["frame"]): FrameKind {
  return frame.case ?? "unknown";
}
