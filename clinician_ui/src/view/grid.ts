/** Width of a tile over its height where it reads best. */
const BEST_RATIO = 1.55;

/** Columns and rows that make the tiles of `count` beds largest in a box. */
export function gridShape(
  count: number,
  width: number,
  height: number,
): { columns: number; rows: number } {
  let best = { columns: 1, rows: Math.max(1, count), size: -1 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const size = Math.min(width / columns / BEST_RATIO, height / rows);
    if (size > best.size) best = { columns, rows, size };
  }
  return { columns: best.columns, rows: best.rows };
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
