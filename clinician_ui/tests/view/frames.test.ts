import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { everyFrame } from "../../src/view/frames";

let asked: FrameRequestCallback[] = [];

beforeEach(() => {
  asked = [];
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => asked.push(callback));
});
afterEach(() => vi.unstubAllGlobals());

function frame(at: number): void {
  const [callback] = asked.splice(0, 1);
  callback?.(at);
}

test("all pictures are drawn in one frame of the browser, and not in each [STATION-31]", () => {
  const drawn: string[] = [];
  const stops = ["a", "b"].map((name) => everyFrame(() => drawn.push(name)));
  expect(asked).toHaveLength(1);
  frame(1_000_000);
  expect(drawn).toEqual(["a", "b"]);
  frame(1_000_016);
  expect(drawn).toEqual(["a", "b"]);
  frame(1_000_033);
  expect(drawn).toEqual(["a", "b", "a", "b"]);
  expect(asked).toHaveLength(1);
  stops.forEach((stop) => stop());
  frame(1_000_066);
  expect(asked).toHaveLength(0);
  expect(drawn).toHaveLength(4);
});

test("it begins again with the next picture", () => {
  const stop = everyFrame(() => {});
  expect(asked).toHaveLength(1);
  stop();
  frame(2_000_000);
  let drawn = 0;
  const again = everyFrame(() => (drawn += 1));
  frame(2_000_040);
  expect(drawn).toBe(1);
  again();
  frame(2_000_080);
});
