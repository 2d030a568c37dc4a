// The canvas of a tile's waveforms, and what it hears of its own size.

import { create } from "@bufbuild/protobuf";
import { cleanup, render } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Ring } from "../../src/model/waves";
import Waveforms from "../../src/view/Waveforms.svelte";
import { SampleArrayMetricSchema } from "../../src/wire/rpm_service/v1/telemetry_pb";

let frames: FrameRequestCallback[] = [];
/** By what is watched: tells that its size is another. */
const resize = new Map<Element, () => void>();

class FakeResizeObserver {
  readonly #heard: () => void;
  #watched: Element[] = [];
  constructor(heard: () => void) {
    this.#heard = heard;
  }
  observe(element: Element): void {
    this.#watched.push(element);
    resize.set(element, this.#heard);
  }
  disconnect(): void {
    for (const element of this.#watched) resize.delete(element);
  }
}

beforeEach(() => {
  frames = [];
  vi.stubGlobal("ResizeObserver", FakeResizeObserver);
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => frames.push(callback));
  const pen = new Proxy({}, { get: () => () => undefined, set: () => true });
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(pen as never);
});

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

test("a box that changes is taken in with the next picture, until it is gone [STATION-64]", () => {
  const ring = new Ring(create(SampleArrayMetricSchema, { sampleRateHz: 100, scale: 1 }));
  const { container } = render(Waveforms, {
    rings: () => [ring],
    serverTime: () => 1_700_000_000,
    names: ["II"],
  });
  const canvas = container.querySelector("canvas") as HTMLCanvasElement;
  let width = 300;
  Object.defineProperty(canvas, "clientWidth", { get: () => width });
  const draw = (at: number) => frames.splice(0).forEach((frame) => frame(at));
  draw(1_000_000);
  expect(canvas.width).toBe(300);
  width = 500;
  resize.get(canvas)?.();
  draw(1_000_040);
  expect(canvas.width).toBe(500);
  cleanup();
  expect(resize.size).toBe(0);
});
