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
    const bytes = toBinary(WatchResponseSchema, create(WatchResponseSchema, { frame }));
    this.sayRaw(bytes.slice().buffer);
  }

  sayRaw(data: unknown): void {
    this.onmessage?.(new MessageEvent("message", { data }));
  }

  /** The connection ends from the server's side. */
  end(code = 1006): void {
    this.onclose?.(Object.assign(new Event("close"), { code }) as CloseEvent);
  }
}

export class FakeWorld implements FeedWorld {
  readonly sockets: FakeSocket[] = [];
  signedIn = true;
  #now = 1000;

  openSocket(): Socket {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  }

  hasSession(): Promise<boolean> {
    return Promise.resolve(this.signedIn);
  }

  moment() {
    return { now: this.#now, wall: T0 + this.#now, jitter: 0 };
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
