import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test, vi } from "vitest";

import { NO_SAMPLE, Ring } from "../../src/model/waves";
import { LAG_S, type Scale, STALE_S, Sweep } from "../../src/view/sweep";
import { SampleArrayMetricSchema } from "../../src/wire/rpm_service/v1/telemetry_pb";

const HZ = 100;
/** 60 pixels are a second: the sweep takes five. */
const WIDTH = 300;
const HEIGHT = 100;
const SWEEP_S = 5;
/** A multiple of the sweep, so that it is at the left edge. */
const T0 = 1_700_000_000;

type Point = [x: number, y: number];

/** A canvas that remembers lines as they were drawn, and areas as they were cleared. */
class Paper {
  box: [width: number, height: number] = [WIDTH, HEIGHT];
  /** How often somebody asked for the size of its box. */
  measured = 0;
  get clientWidth(): number {
    this.measured += 1;
    return this.box[0];
  }
  get clientHeight(): number {
    return this.box[1];
  }
  width = 0;
  height = 0;
  lines: Point[][] = [];
  cleared: [from: number, to: number][] = [];
  strokeStyle = "";
  /** The colour of each stroke. */
  colours: string[] = [];
  getContext = () => this;
  beginPath(): void {}
  /** What may be drawn on, as [top, height]. */
  readonly clips: [number, number][] = [];
  #box: [number, number] = [0, 0];
  save(): void {}
  restore(): void {}
  rect(_x: number, y: number, _width: number, height: number): void {
    this.#box = [y, height];
  }
  clip(): void {
    this.clips.push(this.#box);
  }
  stroke(): void {
    this.colours.push(this.strokeStyle);
  }
  moveTo(x: number, y: number): void {
    this.lines.push([[x, y]]);
  }
  lineTo(x: number, y: number): void {
    this.lines.at(-1)?.push([x, y]);
  }
  clearRect(x: number, _y: number, width: number): void {
    this.cleared.push([x, x + width]);
  }
}

/** 60 pixels a second. */
const SCALE: Scale = { speed: (60 * 25.4) / 96, gain: 1 };

function screen(scale = SCALE): { paper: Paper; sweep: Sweep; ring: Ring } {
  const paper = new Paper();
  const sweep = new Sweep(paper as unknown as HTMLCanvasElement, () => "green", "grey", scale);
  // 266418 is mV.
  const metric = create(SampleArrayMetricSchema, { unit: 266418, sampleRateHz: HZ, scale: 0.01 });
  return { paper, sweep, ring: new Ring(metric) };
}

/** `seconds` of samples from T0 + `from` on. */
function push(
  ring: Ring,
  from: number,
  seconds: number,
  at: (i: number) => number = () => 0,
): void {
  const view = new DataView(new ArrayBuffer(2 * Math.round(seconds * HZ)));
  for (let i = 0; 2 * i < view.byteLength; i++) view.setInt16(2 * i, at(i), true);
  ring.push(T0 + from, new Uint8Array(view.buffer));
}

afterEach(() => vi.unstubAllGlobals());

function xs(paper: Paper): number[] {
  return paper.lines.flat().map(([x]) => x);
}

test("a sample stands where its time says, and none is drawn before its time", () => {
  const { paper, sweep, ring } = screen();
  push(ring, 0, 4);
  sweep.draw([ring], T0 + 2 + LAG_S);
  expect(Math.min(...xs(paper))).toBeCloseTo(0);
  expect(Math.max(...xs(paper))).toBeCloseTo((2 / SWEEP_S) * WIDTH);
});

test("what is drawn in two pictures is what is drawn in one", () => {
  const once = screen();
  push(once.ring, 0, 3, (i) => i % 50);
  once.sweep.draw([once.ring], T0 + 2 + LAG_S);
  const twice = screen();
  push(twice.ring, 0, 3, (i) => i % 50);
  twice.sweep.draw([twice.ring], T0 + 1 + LAG_S);
  twice.sweep.draw([twice.ring], T0 + 2 + LAG_S);
  const points = (paper: Paper) => new Set(paper.lines.flat().map(String));
  expect(points(twice.paper)).toEqual(points(once.paper));
});

test("no line bridges a gap [STATION-11]", () => {
  const { paper, sweep, ring } = screen();
  push(ring, 0, 1);
  push(ring, 2, 1);
  sweep.draw([ring], T0 + 3 + LAG_S);
  expect(
    paper.lines.map((line) => [line[0]?.[0], line.at(-1)?.[0]].map((x) => Math.round(x ?? NaN))),
  ).toEqual([
    [0, 59],
    [120, 179],
  ]);
});

test("a sample that says there is none is a gap", () => {
  const { paper, sweep, ring } = screen();
  push(ring, 0, 1, (i) => (i === 50 ? NO_SAMPLE : 0));
  sweep.draw([ring], T0 + 1 + LAG_S);
  expect(paper.lines).toHaveLength(2);
});

test("no line runs back over the screen where the sweep begins again", () => {
  const { paper, sweep, ring } = screen();
  push(ring, 3, 4);
  sweep.draw([ring], T0 + 6 + LAG_S);
  for (const line of paper.lines) {
    expect(line.map(([x]) => x)).toEqual(line.map(([x]) => x).toSorted((a, b) => a - b));
  }
});

test("the screen is erased ahead of the newest sample, over the edge too", () => {
  const { paper, sweep, ring } = screen();
  push(ring, 0, 6);
  sweep.draw([ring], T0 + 4.5 + LAG_S);
  paper.cleared = [];
  sweep.draw([ring], T0 + 4.9 + LAG_S);
  expect(paper.cleared.some(([, to]) => to >= WIDTH)).toBe(true);
  expect(paper.cleared.some(([from, to]) => from === 0 && to > 0 && to < WIDTH)).toBe(true);
});

test("a flat line is flat, in the middle, and noise on it stays small", () => {
  const { paper, sweep, ring } = screen();
  push(ring, 0, 3, (i) => i % 2);
  sweep.draw([ring], T0 + 3 + LAG_S);
  const ys = paper.lines.flat().map(([, y]) => y);
  expect(Math.max(...ys) - Math.min(...ys)).toBeLessThan(HEIGHT / 50);
});

test("a larger wave makes the lane's range larger at once, and stays on the screen", () => {
  const { paper, sweep, ring } = screen();
  push(ring, 0, 2);
  sweep.draw([ring], T0 + 1 + LAG_S);
  push(ring, 2, 2, (i) => 500 * (i % 2));
  paper.lines = [];
  sweep.draw([ring], T0 + 3.5 + LAG_S);
  for (const [, y] of paper.lines.flat()) {
    expect(y).toBeGreaterThanOrEqual(0);
    expect(y).toBeLessThanOrEqual(HEIGHT);
  }
  expect(Math.min(...xs(paper))).toBeCloseTo(0);
});

test("a picture that stood still too long is drawn anew, without what is out of date", () => {
  const { paper, sweep, ring } = screen();
  push(ring, 0, 2);
  sweep.draw([ring], T0 + 2 + LAG_S);
  paper.lines = [];
  paper.cleared = [];
  sweep.draw([ring], T0 + 60 + LAG_S);
  expect(paper.cleared).toContainEqual([0, WIDTH]);
  expect(paper.lines).toEqual([]);
});

test("without a clock nothing is drawn", () => {
  const { paper, sweep, ring } = screen();
  push(ring, 0, 2);
  sweep.draw([ring], NaN);
  expect(paper.lines).toEqual([]);
});

test("a waveform that comes no more is grey, and has its colour again once it does [STATION-32]", () => {
  const { paper, sweep, ring } = screen();
  push(ring, 0, 2);
  sweep.draw([ring], T0 + 2);
  expect(paper.colours).toEqual(["green"]);
  sweep.draw([ring], T0 + 2 + STALE_S - 0.1);
  expect(new Set(paper.colours)).toEqual(new Set(["green"]));
  paper.colours = [];
  sweep.draw([ring], T0 + 2 + STALE_S + 0.1);
  expect(paper.colours).toEqual(["grey"]);
  expect(sweep.isStale(0)).toBe(true);
  push(ring, 5.1, 0.2);
  sweep.draw([ring], T0 + 5.4);
  expect(paper.colours.at(-1)).toBe("green");
  expect(sweep.isStale(0)).toBe(false);
});

test("a gain makes the picture higher about its middle [STATION-33]", () => {
  const heights = [1, 2].map((gain) => {
    const { paper, sweep, ring } = screen({ ...SCALE, gain });
    push(ring, 0, 3, (i) => (i % 2 === 0 ? -100 : 100));
    sweep.draw([ring], T0 + 2 + LAG_S);
    const ys = paper.lines.flat().map(([, y]) => y);
    return Math.max(...ys) - Math.min(...ys);
  });
  expect(heights[1]).toBeCloseTo(2 * (heights[0] ?? NaN));
});

test("what is too high for its lane is not drawn in another's [BED-5]", () => {
  const { paper, sweep, ring } = screen({ ...SCALE, gain: 2 });
  const other = new Ring(ring.metric);
  push(ring, 0, 3);
  push(other, 0, 3);
  sweep.draw([ring, other], T0 + 2 + LAG_S);
  expect(paper.clips).toEqual([
    [0, HEIGHT / 2],
    [HEIGHT / 2, HEIGHT / 2],
  ]);
});

test("half the paper speed shows twice as long [STATION-33]", () => {
  const { paper, sweep, ring } = screen({ ...SCALE, speed: SCALE.speed / 2 });
  push(ring, 0, 6);
  sweep.draw([ring], T0 + 5 + LAG_S);
  expect(Math.max(...xs(paper))).toBeCloseTo(WIDTH / 2);
});

test("a frame asks for no size; a box that has another one is drawn anew [STATION-64]", () => {
  const { paper, sweep, ring } = screen();
  push(ring, 0, 6);
  for (let i = 0; i < 9; i++) sweep.draw([ring], T0 + 1 + i / 30 + LAG_S);
  expect([paper.measured, paper.width, paper.height]).toEqual([1, WIDTH, HEIGHT]);
  paper.box = [2 * WIDTH, 50];
  paper.lines = [];
  sweep.resized();
  sweep.draw([ring], T0 + 2 + LAG_S);
  expect([paper.measured, paper.width, paper.height]).toEqual([2, 2 * WIDTH, 50]);
  expect(Math.min(...xs(paper))).toBeCloseTo(0);
});

test("a screen with finer pixels is drawn on in those [STATION-64]", () => {
  const { paper, sweep, ring } = screen();
  push(ring, 0, 6);
  sweep.draw([ring], T0 + 1 + LAG_S);
  vi.stubGlobal("devicePixelRatio", 2);
  sweep.draw([ring], T0 + 1.1 + LAG_S);
  expect([paper.width, paper.height]).toEqual([2 * WIDTH, 2 * HEIGHT]);
});
