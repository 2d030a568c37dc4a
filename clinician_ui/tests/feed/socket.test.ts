import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Link } from "../../src/feed/link";
import { Feed } from "../../src/feed/socket";
import { snapshot, T0 } from "../support/frames";
import { bytesOf, FakeWorld } from "../support/world";

const TICK_MS = 250;

let world: FakeWorld;
let feed: Feed;
let taken: string[];
let link: Link | null;
/** Whoever is told of a snapshot fails. */
let broken: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  world = new FakeWorld();
  taken = [];
  link = null;
  broken = false;
  feed = new Feed(world, {
    snapshot: () => {
      if (broken) throw new Error("cannot be shown");
      taken.push("snapshot");
    },
    delta: () => taken.push("delta"),
    progress: () => taken.push("progress"),
    closing: (reason) => taken.push(`closing: ${reason}`),
    link: (newest) => (link = newest),
  });
  feed.start();
});

afterEach(() => {
  feed.stop();
  vi.useRealTimers();
});

function pass(seconds: number): void {
  world.pass(seconds);
  vi.advanceTimersByTime(TICK_MS);
}

function goLive(): void {
  world.socket.open();
  world.socket.say({ case: "snapshot", value: snapshot() });
}

test("subscribes as soon as the connection is open, and hands on what comes", () => {
  expect(world.socket.binaryType).toBe("arraybuffer");
  world.socket.open();
  expect(world.socket.heard).toEqual(["subscribe", "presence"]);
  goLive();
  world.socket.say({ case: "delta", value: { serverClock: T0 } });
  world.socket.say({ case: "progress", value: { serverClock: T0 } });
  expect(taken).toEqual(["snapshot", "delta", "progress"]);
});

test("hands on nothing from before the snapshot", () => {
  world.socket.open();
  world.socket.say({ case: "delta", value: { serverClock: T0 } });
  expect(taken).toEqual([]);
});

test("sends a heartbeat every five seconds", () => {
  goLive();
  for (let second = 0; second < 10; second++) {
    pass(1);
    world.socket.say({ case: "progress", value: { serverClock: T0 } });
  }
  expect(world.socket.heard).toEqual(["subscribe", "presence", "heartbeat", "heartbeat"]);
});

test("says whether it can call somebody on every connection, and when that changes [STATION-15]", () => {
  world.socket.open();
  feed.tellPresence({ audioArmed: true, visible: true });
  feed.tellPresence({ audioArmed: true, visible: true });
  const [first] = world.sockets;
  expect(first?.presences).toEqual([
    { audioArmed: false, visible: false },
    { audioArmed: true, visible: true },
  ]);
  world.socket.end();
  feed.tellPresence({ audioArmed: true, visible: false });
  pass(0.5);
  world.socket.open();
  expect(world.socket.presences).toEqual([{ audioArmed: true, visible: false }]);
});

test("confirms alarm events over an open connection only, and tells which", () => {
  const events = [{ occurrenceId: "7", eventSeq: 2 }];
  expect(feed.confirm(events)).toBe(false);
  world.socket.open();
  expect(feed.confirm(events)).toBe(true);
  expect(world.socket.confirmed).toEqual([["7.2"]]);
});

test("connects again after a connection that ended, and is live with its snapshot", () => {
  goLive();
  world.socket.end();
  pass(0.5);
  expect(world.sockets).toHaveLength(2);
  expect(link?.phase).toBe("quiet");
  goLive();
  expect(link?.phase).toBe("live");
});

test("hears nothing more of a connection that it gave up", () => {
  goLive();
  const [first] = world.sockets;
  pass(5);
  expect(first?.isClosed).toBe(true);
  first?.say({ case: "snapshot", value: snapshot() });
  expect(taken).toEqual(["snapshot"]);
  expect(link?.phase).toBe("NOT_MONITORING");
});

test.each([
  ["text", "hello"],
  ["bytes that are not a frame", new Uint8Array([0x0a, 0xff, 0xff]).buffer],
  ["a frame without the server's clock", bytesOf({ case: "progress", value: {} })],
  ["a server's clock that is no number", bytesOf({ case: "delta", value: { serverClock: NaN } })],
])("gives up a connection that sends %s [STATION-85]", (_, data) => {
  goLive();
  world.socket.sayRaw(data);
  expect(world.socket.isClosed).toBe(true);
  expect(link?.phase).toBe("quiet");
});

test("a frame that cannot be shown is not heard: no number comes back by it [STATION-85]", () => {
  goLive();
  pass(5);
  pass(0.5);
  world.socket.open();
  broken = true;
  expect(goLive).toThrow("cannot be shown");
  expect(link?.phase).toBe("NOT_MONITORING");
  expect(world.socket.isClosed).toBe(true);
  broken = false;
  pass(1);
  goLive();
  expect(link?.phase).toBe("live");
});

test("passes over a frame that it does not know [STATION-86]", () => {
  goLive();
  // Field 15, of a later contract.
  world.socket.sayRaw(new Uint8Array([0x7a, 0x02, 0x08, 0x01]).buffer);
  expect(link?.phase).toBe("live");
  expect(world.socket.isClosed).toBe(false);
  expect(taken).toEqual(["snapshot"]);
});

test("hands on the server's own words on why it ends the stream", () => {
  goLive();
  world.socket.say({ case: "closing", value: { reason: "the server stops" } });
  expect(taken.at(-1)).toBe("closing: the server stops");
});

test("a handshake that is refused asks for the session, and without one is signed out", async () => {
  world.signedIn = false;
  world.socket.end();
  await Promise.resolve();
  await Promise.resolve();
  expect(link?.phase).toBe("signed_out");
  pass(60);
  expect(world.sockets).toHaveLength(1);
});

test("a handshake that is refused while the session holds is tried again", async () => {
  world.socket.end();
  await Promise.resolve();
  pass(1);
  expect(world.sockets).toHaveLength(2);
});

test.each(["visibilitychange", "resume"])(
  "looks at the clock at once on %s, and asks for a new snapshot [STATION-82]",
  (event) => {
    goLive();
    world.pass(600);
    document.dispatchEvent(new Event(event));
    expect(link?.phase).toBe("NOT_MONITORING");
    expect(world.sockets).toHaveLength(2);
  },
);

test("a control that gets the focus is no coming back", () => {
  goLive();
  world.pass(600);
  const control = document.body.appendChild(document.createElement("button"));
  control.focus();
  control.remove();
  expect(link?.phase).toBe("live");
  window.dispatchEvent(new Event("focus"));
  expect(link?.phase).toBe("NOT_MONITORING");
});

test("once stopped it does nothing more", () => {
  goLive();
  feed.stop();
  expect(world.socket.isClosed).toBe(true);
  pass(60);
  expect(world.sockets).toHaveLength(1);
});
