// A world in which a test says what happens: its clocks and its server stand still until told.

import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

import type { FeedWorld, Socket } from "../../src/feed/socket";
import {
  type ViewerPresence,
  WatchRequestSchema,
  WatchResponseSchema,
} from "../../src/wire/rpm_service/v1/monitoring_pb";
import { T0 } from "./frames";

type Frame = NonNullable<MessageInitShape<typeof WatchResponseSchema>["frame"]>;

export function bytesOf(frame: Frame): ArrayBuffer {
  return toBinary(WatchResponseSchema, create(WatchResponseSchema, { frame })).slice().buffer;
}

/** The server's end of one connection. */
export class FakeSocket implements Socket {
  binaryType: BinaryType = "blob";
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  /** What the page sent, by kind. */
  readonly heard: (string | undefined)[] = [];
  /** Whether it can call somebody, each time the page said so. */
  readonly presences: Pick<ViewerPresence, "audioArmed" | "visible">[] = [];
  /** Alarm events that the page confirmed, "occurrence.event", by frame. */
  readonly confirmed: string[][] = [];
  /** Whether the page closed it. */
  isClosed = false;
  readonly #clock: () => number;

  /** `clock` is the server's. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    const { frame } = fromBinary(WatchRequestSchema, data);
    this.heard.push(frame.case);
    if (frame.case === "presence") {
      const { audioArmed, visible } = frame.value;
      this.presences.push({ audioArmed, visible });
    } else if (frame.case === "confirmDelivery") {
      const { events } = frame.value;
      this.confirmed.push(events.map((each) => `${each.occurrenceId}.${each.eventSeq}`));
    }
  }

  close(): void {
    this.isClosed = true;
  }

  open(): void {
    this.onopen?.(new Event("open"));
  }

  say(frame: Frame): void {
    // A test that does not speak of the server's clock means now.
    if (frame.case === "delta" || frame.case === "progress") {
      if (frame.value.serverClock === T0) frame.value.serverClock = this.#clock();
    }
    this.sayRaw(bytesOf(frame));
  }

  sayRaw(data: unknown): void {
    this.onmessage?.(new MessageEvent("message", { data }));
  }

  /** The connection ends from the server's side. */
  end(code = 1006): void {
    this.onclose?.(Object.assign(new Event("close"), { code }) as CloseEvent);
  }
}

/** Where the monotone clock of a page begins. */
const BEGAN = 1000;

export class FakeWorld implements FeedWorld {
  readonly sockets: FakeSocket[] = [];
  signedIn = true;
  #now = BEGAN;

  openSocket(): Socket {
    const socket = new FakeSocket(() => T0 + this.#now - BEGAN);
    this.sockets.push(socket);
    return socket;
  }

  hasSession(): Promise<boolean> {
    return Promise.resolve(this.signedIn);
  }

  moment() {
    return { now: this.#now, wall: T0 + this.#now, jitter: 0 };
  }

  beat(call: () => void): () => void {
    const timer = setInterval(call, 250);
    return () => clearInterval(timer);
  }

  /** Lets the clocks go on; the page notices at its next look. */
  pass(seconds: number): void {
    this.#now += seconds;
  }

  /** The newest connection. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("the page has not connected");
    return socket;
  }
}
