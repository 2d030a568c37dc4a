// One row of a trend, drawn by uPlot. It is loaded with the first trend and not before.

import uPlot from "uplot";

import type { Band, Drawn } from "../model/trend";
import { clockTime, dayText } from "../words";

export interface Line {
  readonly mean: Drawn;
  readonly low: Drawn;
  readonly high: Drawn;
}

export interface Drawing {
  readonly at: readonly number[];
  readonly lines: readonly Line[];
  readonly bands: readonly Band[];
  readonly limits: readonly number[];
  /** Single values, and no line through them. */
  readonly spot: boolean;
  /** As steps: what holds until it changes. */
  readonly stepped: boolean;
  /** A custom property of the theme. */
  readonly colour: string;
  readonly axis: boolean;
  readonly decimals: number;
  readonly range: readonly [number, number] | null;
}

export interface ChartEvents {
  /** A time was brushed over. */
  readonly brush: (since: number, until: number) => void;
  /** The pointer is at a time, or at none (NaN). */
  readonly point: (moment: number) => void;
  readonly whole: () => void;
}

const ROW_PX = 84;
const AXIS_PX = 26;
const VALUES_PX = 46;
const BRUSH_PX_MIN = 8;
const SYMBOL = { LOW: "!", MEDIUM: "!!", HIGH: "!!!" };
const ROLE = { LOW: "--low", MEDIUM: "--medium", HIGH: "--high" };
const SYNC = uPlot.sync("trends");

export class TrendChart {
  readonly #plot: uPlot;
  readonly #resized: ResizeObserver;
  #drawing: Drawing;

  constructor(place: HTMLElement, drawing: Drawing, window: [number, number], on: ChartEvents) {
    this.#drawing = drawing;
    this.#plot = new uPlot(this.#options(place, window, on), dataOf(drawing), place);
    this.#resized = new ResizeObserver(() => this.#fit(place));
    this.#resized.observe(place);
  }

  show(drawing: Drawing, [min, max]: [number, number]): void {
    this.#drawing = drawing;
    this.#plot.batch(() => {
      this.#plot.setData(dataOf(drawing), false);
      this.#plot.setScale("x", { min, max });
    });
  }

  close(): void {
    this.#resized.disconnect();
    this.#plot.destroy();
  }

  #fit(place: HTMLElement): void {
    this.#plot.setSize({ width: place.clientWidth, height: heightOf(this.#drawing) });
  }

  #options(place: HTMLElement, window: [number, number], on: ChartEvents): uPlot.Options {
    const colour = (name: string) => getComputedStyle(place).getPropertyValue(name).trim();
    const { lines, spot, stepped } = this.#drawing;
    const stroke = () => colour(this.#drawing.colour);
    const paths = stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
    const series = lines.flatMap((): uPlot.Series[] => [
      { stroke: "transparent", points: { show: false } },
      { stroke: "transparent", points: { show: false } },
      {
        stroke,
        width: 1.5,
        ...(paths !== undefined && { paths }),
        ...(spot && { paths: () => null, points: { show: true, size: 5, fill: stroke, stroke } }),
      },
    ]);
    const axis = { stroke: () => colour("--text-2"), font: "12px sans-serif" };
    const line = { stroke: () => colour("--line"), width: 1 };
    return {
      width: place.clientWidth,
      height: heightOf(this.#drawing),
      legend: { show: false },
      padding: [6, 8, 0, 0],
      scales: {
        x: { min: window[0], max: window[1], range: (_, min, max) => [min, max] },
        y: { range: (_, low, high) => this.#valueRange(low, high) },
      },
      axes: [
        {
          ...axis,
          show: true,
          size: this.#drawing.axis ? AXIS_PX : 0,
          grid: line,
          ticks: { ...line, size: 4 },
          values: (_, splits) => splits.map((at) => (this.#drawing.axis ? timeText(at) : "")),
          space: 90,
        },
        { ...axis, size: VALUES_PX, grid: { show: false }, ticks: { ...line, size: 4 }, space: 28 },
      ],
      series: [{}, ...series],
      bands: lines.map((_, place) => ({
        series: [3 * place + 2, 3 * place + 1],
        fill: () => translucent(stroke(), 0.22),
      })),
      cursor: {
        sync: { key: SYNC.key, setSeries: false },
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        bind: {
          dblclick: () => () => {
            on.whole();
            return null;
          },
        },
      },
      hooks: {
        drawClear: [(plot) => this.#drawBands(plot, colour)],
        draw: [(plot) => this.#drawLimits(plot, colour)],
        setCursor: [
          ({ cursor, posToVal }) => {
            const { left } = cursor;
            on.point(left === undefined || left < 0 ? NaN : posToVal(left, "x"));
          },
        ],
        setSelect: [
          (plot) => {
            const { left, width } = plot.select;
            if (width < BRUSH_PX_MIN) return;
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            on.brush(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
          },
        ],
      },
    };
  }

  /** Limits are in view, and a flat line is not blown up to fill the row. */
  #valueRange(low: number | null, high: number | null): [number, number] {
    const { range, limits, decimals } = this.#drawing;
    if (range !== null) return [range[0], range[1]];
    if (low === null || high === null) return [0, 1];
    const ends = [low, high, ...limits];
    const least = Math.min(...ends);
    const most = Math.max(...ends);
    const margin = Math.max((most - least) * 0.08, decimals > 0 ? 0.5 : 2);
    return [least - margin, most + margin];
  }

  #drawBands(plot: uPlot, colour: (name: string) => string): void {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    for (const { priority, since, until } of this.#drawing.bands) {
      const right = bbox.left + bbox.width;
      const begin = Math.max(bbox.left, plot.valToPos(since, "x", true));
      const end = Math.min(right, Number.isFinite(until) ? plot.valToPos(until, "x", true) : right);
      if (end < bbox.left || begin > right) continue;
      const fill = colour(ROLE[priority]);
      const width = Math.max(end - begin, 2 * ratio);
      ctx.fillStyle = translucent(fill, 0.3);
      ctx.fillRect(begin, bbox.top, width, bbox.height);
      ctx.fillStyle = fill;
      ctx.fillRect(begin, bbox.top, width, 3 * ratio);
      ctx.font = `bold ${11 * ratio}px sans-serif`;
      ctx.textAlign = "left";
      ctx.textBaseline = "top";
      ctx.fillText(SYMBOL[priority], begin + 2 * ratio, bbox.top + 5 * ratio);
    }
    ctx.restore();
  }

  #drawLimits(plot: uPlot, colour: (name: string) => string): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = colour("--text-2");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const limit of this.#drawing.limits) {
      const y = Math.round(plot.valToPos(limit, "y", true)) + 0.5;
      if (y < bbox.top || y > bbox.top + bbox.height) continue;
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.restore();
  }
}

function dataOf({ at, lines }: Drawing): uPlot.AlignedData {
  return [[...at], ...lines.flatMap(({ low, high, mean }) => [low, high, mean])];
}

function heightOf({ axis }: Drawing): number {
  return axis ? ROW_PX + AXIS_PX : ROW_PX;
}

function translucent(hex: string, alpha: number): string {
  return `color-mix(in srgb, ${hex} ${alpha * 100}%, transparent)`;
}

/** The time of day, and the day where one begins. */
function timeText(at_s: number): string {
  const at = new Date(at_s * 1000);
  if (at.getHours() === 0 && at.getMinutes() === 0) {
    return dayText(at_s);
  }
  return clockTime(at_s).slice(0, 5);
}
