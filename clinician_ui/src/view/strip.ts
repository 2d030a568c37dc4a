// Draws an evidence strip: traces below each other on one axis of time, the limit that was crossed,
// the moment of the alarm, and two pairs of calipers.

import { type Calipers, rangeOf, type Trace } from "../model/evidence";

/** Height of a lane in CSS pixels: a waveform, and a numeric. */
export const LANE_HEIGHT = { wave: 110, numeric: 64 };
const NAME_HEIGHT = 16;
/** Circles stand where a numeric was measured. */
const DOT = 2.5;

export interface Lane {
  readonly trace: Trace;
  readonly colour: string;
  /** The limit that was crossed, where it is this trace's. */
  readonly limit: number | null;
}

export interface Colours {
  readonly ground: string;
  readonly line: string;
  readonly text: string;
  readonly limit: string;
}

export interface Strip {
  readonly lanes: readonly Lane[];
  /** Seconds from when the alarm was raised, at the left and the right edge. */
  readonly from: number;
  readonly to: number;
  readonly calipers: Calipers;
  /** Which lane the calipers of value are in. */
  readonly measured: number;
  readonly limitWords: (limit: number) => string;
}

export const laneHeight = ({ trace }: Lane): number =>
  trace.isWave ? LANE_HEIGHT.wave : LANE_HEIGHT.numeric;

/** Height of all lanes, in CSS pixels. */
export const heightOf = (lanes: readonly Lane[]): number =>
  lanes.reduce((height, lane) => height + laneHeight(lane), 0);

export function drawStrip(
  context: CanvasRenderingContext2D,
  width: number,
  strip: Strip,
  colours: Colours,
): void {
  const height = heightOf(strip.lanes);
  const x = (at: number): number => ((at - strip.from) / (strip.to - strip.from)) * width;
  context.clearRect(0, 0, width, height);
  context.font = "12px sans-serif";
  context.lineWidth = 1;
  for (let second = Math.ceil(strip.from); second <= strip.to; second++) {
    line(context, colours.line, [x(second), 0], [x(second), height]);
  }
  line(context, colours.text, [x(0), 0], [x(0), height]);
  let top = 0;
  strip.lanes.forEach((lane, place) => {
    const bottom = top + laneHeight(lane);
    const range = rangeOf(lane.trace, lane.limit);
    const y = (value: number): number =>
      bottom -
      4 -
      ((value - range.low) / (range.high - range.low)) * (bottom - top - NAME_HEIGHT - 8);
    line(context, colours.line, [0, bottom], [width, bottom]);
    context.fillStyle = colours.text;
    context.fillText(`${lane.trace.name} ${lane.trace.unit}`, 6, top + 12);
    if (lane.limit !== null) {
      context.setLineDash([6, 4]);
      line(context, colours.limit, [0, y(lane.limit)], [width, y(lane.limit)]);
      context.setLineDash([]);
      context.fillStyle = colours.limit;
      context.textAlign = "right";
      context.fillText(strip.limitWords(lane.limit), width - 6, y(lane.limit) - 4);
      context.textAlign = "left";
    }
    trace(context, lane, x, y);
    if (place === strip.measured) {
      for (const value of [strip.calipers.v1, strip.calipers.v2]) {
        line(context, colours.text, [0, y(value)], [width, y(value)]);
      }
    }
    top = bottom;
  });
  context.fillStyle = colours.text;
  [strip.calipers.t1, strip.calipers.t2].forEach((at, i) => {
    line(context, colours.text, [x(at), 0], [x(at), height]);
    context.fillText(["A", "B"][i] ?? "", x(at) + 3, height - 5);
  });
}

function trace(
  context: CanvasRenderingContext2D,
  { trace: { points, isWave }, colour }: Lane,
  x: (at: number) => number,
  y: (value: number) => number,
): void {
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = 1.4;
  context.beginPath();
  let joined = false;
  for (const { at, value } of points) {
    if (value === null) {
      joined = false;
      continue;
    }
    if (joined) context.lineTo(x(at), y(value));
    else context.moveTo(x(at), y(value));
    joined = true;
  }
  context.stroke();
  context.lineWidth = 1;
  if (isWave) return;
  for (const { at, value } of points) {
    if (value === null) continue;
    context.beginPath();
    context.arc(x(at), y(value), DOT, 0, 2 * Math.PI);
    context.fill();
  }
}

function line(
  context: CanvasRenderingContext2D,
  colour: string,
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
): void {
  context.strokeStyle = colour;
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}
