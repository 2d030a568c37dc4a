// Draws waveforms as a monitor does: time runs to the right, an erase gap runs ahead of the
// newest sample, and what was not measured stays empty. Where a sample stands depends on its
// time alone, never on when it was drawn, so a late or missing chunk cannot bend the picture.

import { HELD_S, NO_SAMPLE, type Ring } from "../model/waves";

/** Drawing runs this far behind the server's clock, so that samples are there in time. */
export const LAG_S = 1.2;
/** Width of the erase gap, in seconds. */
const GAP_S = 0.35;
/** CSS pixels of a millimetre. */
const PIXELS_PER_MM = 96 / 25.4;
/** A picture that is too narrow for so long is drawn slower than it says, so that there is a
 * rhythm to be seen in it. */
const SWEEP_S_MIN = 3;
/** Less than a ring holds; a wider picture is drawn faster than it says. */
const SWEEP_S_MAX = HELD_S - 2;
const LINE_WIDTH = 1.4;
/** Room left below, as a part of the lane; above it stands the waveform's name, in CSS pixels. */
const MARGIN = 0.06;
const NAME_HEIGHT = 14;
/** Room that a new range leaves on either side, as a part of it. */
const HEADROOM = 0.08;
/** A range is made smaller when this part of it is enough. */
const SHRINK = 0.6;
/** Least range of a lane by MDC unit (mV, µV, mmHg), so that a flat line stays flat and noise
 * does not look like a rhythm. */
const SPAN_MIN: Record<number, number> = { 266418: 1, 266419: 1000, 266016: 20 };
const SPAN_MIN_OTHER = 0.2;

/** A waveform that has brought nothing for so long is grey. */
export const STALE_S = 3;

/** How a picture is drawn. */
export interface Scale {
  /** Of paper in a second, in millimetres: 25 or 12.5. */
  readonly speed: number;
  /** How many times as high as fits. */
  readonly gain: number;
}

export const USUAL: Scale = { speed: 25, gain: 1 };

/** How a lane is drawn now, in CSS pixels: for the marks beside it. */
export interface LaneScale {
  readonly ring: Ring;
  readonly top: number;
  readonly height: number;
  /** Of one unit of its value. */
  readonly perUnit: number;
  /** Of a second. */
  readonly perSecond: number;
}

interface Range {
  readonly low: number;
  readonly high: number;
}

interface Lane {
  readonly ring: Ring;
  readonly colour: string;
  stale: boolean;
  /** Number of the sample after the last that was drawn. */
  drawnTo: number;
  /** Raw samples that have room. */
  fits: Range;
  /** Raw samples at the lower and the upper edge. */
  low: number;
  high: number;
}

const NOTHING: Range = { low: Infinity, high: -Infinity };
const UNDRAWN = { drawnTo: 0, fits: NOTHING, ...NOTHING };

export class Sweep {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D | null;
  readonly #colourOf: (ring: Ring) => string;
  readonly #staleColour: string;
  readonly #scale: Scale;
  #lanes: Lane[] = [];
  /** Width of the canvas's box in CSS pixels, and device pixels in one of them, as measured. */
  #width = 0;
  #ratio = NaN;
  #sweep_s = SWEEP_S_MIN;
  /** Time up to which the screen has been erased; NaN asks for a whole new picture. */
  #erasedTo = NaN;

  readonly #onscale: (lanes: readonly LaneScale[]) => void;
  /** Something is drawn to another scale than was told. */
  #rescaled = false;

  /** `onscale` hears how lanes are drawn whenever that changes. */
  constructor(
    canvas: HTMLCanvasElement,
    colourOf: (ring: Ring) => string,
    staleColour: string,
    scale: Scale = USUAL,
    onscale: (lanes: readonly LaneScale[]) => void = () => undefined,
  ) {
    this.#onscale = onscale;
    this.#canvas = canvas;
    this.#staleColour = staleColour;
    this.#scale = scale;
    this.#context = canvas.getContext("2d");
    this.#colourOf = colourOf;
  }

  /** The box of the canvas has another size: it is measured before the next picture. */
  resized(): void {
    this.#ratio = NaN;
  }

  /** Brings the picture to `now`, on the server's clock. */
  draw(rings: readonly Ring[], now: number): void {
    const context = this.#context;
    if (context === null || !Number.isFinite(now)) return;
    const head = now - LAG_S;
    const others = this.#follow(rings);
    const anew = this.#resize() || others;
    const passed_s = head + GAP_S - this.#erasedTo;
    if (anew || !(passed_s >= 0 && passed_s < this.#sweep_s)) this.#begin(context, head);
    const before = this.#erasedTo - GAP_S;
    const wrapped = Math.floor(head / this.#sweep_s) !== Math.floor(before / this.#sweep_s);
    this.#erase(context, head + GAP_S);
    for (let place = 0; place < this.#lanes.length; place++) {
      const lane = this.#lanes[place] as Lane;
      if (wrapped || this.#outgrows(lane, head)) this.#fit(context, lane, place, head, wrapped);
      this.#note(context, lane, place, now);
      this.#trace(context, lane, place, head);
    }
    if (anew || this.#rescaled) {
      this.#rescaled = false;
      this.#onscale(this.#lanes.map((lane, place) => this.#scaleOf(lane, place)));
    }
  }

  #scaleOf({ ring, low, high }: Lane, place: number): LaneScale {
    const height = this.#canvas.height / this.#lanes.length;
    const perUnit = roomIn(height) / ((high - low) * Math.abs(ring.metric.scale));
    return {
      ring,
      top: (place * height) / devicePixelRatio,
      height: height / devicePixelRatio,
      perUnit: perUnit / devicePixelRatio,
      perSecond: this.#width / this.#sweep_s,
    };
  }

  /** Whether the waveform at a place has brought nothing for too long. */
  isStale(place: number): boolean {
    return this.#lanes[place]?.stale ?? false;
  }

  /** Whether a sample that is to be drawn is beyond the edges. */
  #outgrows(lane: Lane, head: number): boolean {
    const { ring } = lane;
    const end = Math.min(ring.end, Math.floor(head * ring.metric.sampleRateHz) + 1);
    for (let number = Math.max(lane.drawnTo, end - ring.samples.length); number < end; number++) {
      const sample = ring.at(number);
      if (sample !== NO_SAMPLE && (sample < lane.fits.low || sample > lane.fits.high)) return true;
    }
    return false;
  }

  /** Fits a lane to what it shows. */
  #fit(
    context: CanvasRenderingContext2D,
    lane: Lane,
    place: number,
    head: number,
    wrapped: boolean,
  ): void {
    const range = this.#range(lane.ring, head);
    const grown = range.low < lane.fits.low || range.high > lane.fits.high;
    // Shrinks only where a sweep begins, and only by much: a picture that breathes is noise.
    const before = lane.fits.high - lane.fits.low;
    const shrunk = wrapped && range.high - range.low < SHRINK * before;
    if (grown || shrunk) this.#rescale(context, lane, place, range);
  }

  /** Notes whether a waveform still comes; where that changes it is drawn anew. */
  #note(context: CanvasRenderingContext2D, lane: Lane, place: number, now: number): void {
    const { ring } = lane;
    const stale = ring.end > 0 && now - ring.end / ring.metric.sampleRateHz > STALE_S;
    if (stale === lane.stale) return;
    lane.stale = stale;
    this.#clear(context, place);
    lane.drawnTo = 0;
  }

  /** Makes lanes for other rings; tells whether there are any. */
  #follow(rings: readonly Ring[]): boolean {
    const lanes = this.#lanes;
    if (rings.length === lanes.length && rings.every((ring, i) => ring === lanes[i]?.ring)) {
      return false;
    }
    this.#lanes = rings.map((ring) => {
      return { ring, colour: this.#colourOf(ring), stale: false, ...UNDRAWN };
    });
    return true;
  }

  /** Fits the canvas to its box in device pixels; tells whether that changed anything. Measures
   * only where something may have changed: to ask for a size may lay out the whole page. */
  #resize(): boolean {
    if (this.#ratio === devicePixelRatio) return false;
    this.#ratio = devicePixelRatio;
    const canvas = this.#canvas;
    this.#width = canvas.clientWidth;
    const width = Math.round(this.#width * devicePixelRatio);
    const height = Math.round(canvas.clientHeight * devicePixelRatio);
    if (canvas.width === width && canvas.height === height) return false;
    canvas.width = width;
    canvas.height = height;
    const sweep_s = this.#width / (this.#scale.speed * PIXELS_PER_MM);
    this.#sweep_s = Math.min(SWEEP_S_MAX, Math.max(SWEEP_S_MIN, sweep_s));
    return true;
  }

  #begin(context: CanvasRenderingContext2D, head: number): void {
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#erasedTo = head + GAP_S;
    for (const lane of this.#lanes) Object.assign(lane, UNDRAWN);
  }

  /** Clears from where the eraser stood to `until`, over the right edge if need be. */
  #erase(context: CanvasRenderingContext2D, until: number): void {
    const { width, height } = this.#canvas;
    const from = this.#x(this.#erasedTo);
    const to = this.#x(until);
    if (to >= from) {
      context.clearRect(from, 0, to - from + 1, height);
    } else {
      context.clearRect(from, 0, width - from, height);
      context.clearRect(0, 0, to + 1, height);
    }
    this.#erasedTo = until;
  }

  /** Draws what has come since. Runs for every sample of the page: it makes no objects. */
  #trace(context: CanvasRenderingContext2D, lane: Lane, place: number, head: number): void {
    const { ring } = lane;
    const rate = ring.metric.sampleRateHz;
    const oldest = Math.ceil((head - this.#sweep_s + GAP_S) * rate);
    const end = Math.min(ring.end, Math.floor(head * rate) + 1);
    const from = Math.max(lane.drawnTo, oldest);
    if (from >= end) return;
    const height = this.#canvas.height / this.#lanes.length;
    const room = roomIn(height);
    const bottom = (place + 1 - MARGIN) * height;
    const { low, high } = lane;
    const isUpsideDown = ring.metric.scale < 0;
    context.strokeStyle = lane.stale ? this.#staleColour : lane.colour;
    context.lineWidth = LINE_WIDTH * devicePixelRatio;
    context.lineJoin = "round";
    const isTooMuch = this.#scale.gain > 1;
    if (isTooMuch) {
      // What is beyond the edges of its lane is not drawn in its neighbour's.
      context.save();
      context.beginPath();
      context.rect(0, place * height, this.#canvas.width, height);
      context.clip();
    }
    context.beginPath();
    let previousX = Infinity;
    for (let number = Math.max(from - 1, oldest); number < end; number++) {
      const sample = ring.at(number);
      if (sample === NO_SAMPLE) {
        previousX = Infinity;
        continue;
      }
      const x = this.#x(number / rate);
      const part = high > low ? (sample - low) / (high - low) : 0.5;
      const y = bottom - room * (isUpsideDown ? 1 - part : part);
      // A line joins two samples only where neither a gap nor the screen's edge is between.
      if (x >= previousX) context.lineTo(x, y);
      else context.moveTo(x, y);
      previousX = x;
    }
    context.stroke();
    if (isTooMuch) context.restore();
    lane.drawnTo = end;
  }

  #rescale(context: CanvasRenderingContext2D, lane: Lane, place: number, range: Range): void {
    this.#rescaled = true;
    this.#clear(context, place);
    const middle = (range.low + range.high) / 2;
    const half = ((0.5 + HEADROOM) * (range.high - range.low)) / this.#scale.gain;
    Object.assign(lane, { drawnTo: 0, fits: range, low: middle - half, high: middle + half });
  }

  #clear(context: CanvasRenderingContext2D, place: number): void {
    const { width, height } = this.#canvas;
    const lane = height / this.#lanes.length;
    context.clearRect(0, place * lane, width, lane);
  }

  /** The range of what the sweep shows, but no less than the unit's least. */
  #range(ring: Ring, head: number): Range {
    const { unit, scale, sampleRateHz } = ring.metric;
    let low = Infinity;
    let high = -Infinity;
    const end = Math.floor(head * sampleRateHz) + 1;
    for (let number = Math.ceil((head - this.#sweep_s) * sampleRateHz); number < end; number++) {
      const sample = ring.at(number);
      if (sample === NO_SAMPLE) continue;
      low = Math.min(low, sample);
      high = Math.max(high, sample);
    }
    const least = (SPAN_MIN[unit] ?? SPAN_MIN_OTHER) / Math.abs(scale);
    const spare = low <= high ? Math.max(0, least - (high - low)) / 2 : 0;
    return { low: low - spare, high: high + spare };
  }

  #x(time: number): number {
    const part = (time / this.#sweep_s) % 1;
    return part * this.#canvas.width;
  }
}

/** What a waveform has of a lane's height, in device pixels. */
function roomIn(height: number): number {
  return Math.max(0, height * (1 - MARGIN) - NAME_HEIGHT * devicePixelRatio);
}
