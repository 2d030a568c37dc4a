import { WAVES_SHOWN } from "../model/tile";

/** Width of a tile over its height where it reads best. */
const BEST_RATIO = 1.55;
/** Least size of a tile in which every number can be read, in CSS pixels; then the page scrolls. */
export const TILE_MIN = { width: 104, height: 84 } as const;
/** Between two tiles, in CSS pixels. */
export const GAP = 6;
/** In a narrow tile the waveform stands above the numbers, else beside them (see tile.css). */
const NARROW = 270;
/** Least size of a narrow tile with a waveform in which a rhythm can be seen. */
const NARROW_WITH_WAVE = { width: 170, height: 116 } as const;
/** Height of a tile that is not its waveforms', and the least height of one, in CSS pixels. */
const FRAME = 66;
const LANE_MIN = 34;

/** Columns and rows that make the tiles of `count` beds largest in a box. */
export function gridShape(
  count: number,
  width: number,
  height: number,
): { columns: number; rows: number } {
  let best = { columns: 1, rows: Math.max(1, count), size: -1 };
  const most = Math.max(1, Math.floor((width + GAP) / (TILE_MIN.width + GAP)));
  for (let columns = 1; columns <= Math.min(count, most); columns++) {
    const rows = Math.ceil(count / columns);
    const size = Math.min(width / columns / BEST_RATIO, height / rows);
    if (size > best.size) best = { columns, rows, size };
  }
  return { columns: best.columns, rows: best.rows };
}

/** How many waveforms a tile of a size has room for; all of them before the size is known. */
export function wavesThatFit(width: number, height: number): number {
  if (width <= 0) return WAVES_SHOWN;
  if (width > NARROW) {
    return Math.min(Math.max(Math.floor((height - FRAME) / LANE_MIN), 1), WAVES_SHOWN);
  }
  return width >= NARROW_WITH_WAVE.width && height >= NARROW_WITH_WAVE.height ? 1 : 0;
}

/**
 * Where an arrow key leads from tile `at` in a grid of `count` tiles; null where it leads nowhere.
 *
 * From outside (`at` is null) every arrow leads to the first tile.
 */
export function neighbour(
  key: string,
  at: number | null,
  count: number,
  columns: number,
): number | null {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  if (step === undefined || count === 0) return null;
  if (at === null) return 0;
  const to = at + step;
  return to >= 0 && to < count ? to : null;
}
