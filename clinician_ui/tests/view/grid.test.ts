import { expect, test } from "vitest";

import { gridShape, neighbour, TILE_MIN, wavesThatFit } from "../../src/view/grid";

test.each([
  [1, 1, 1],
  [8, 3, 3],
  [16, 4, 4],
  [64, 8, 8],
])("%s beds on a wide screen stand in %s by %s", (count, columns, rows) => {
  expect(gridShape(count, 1570, 1010)).toEqual({ columns, rows });
});

test("a tall screen has fewer columns", () => {
  expect(gridShape(8, 700, 1200).columns).toBe(2);
});

test("there is a place for every bed, also before the screen is measured", () => {
  for (const [width, height] of [
    [1570, 1010],
    [0, 0],
  ] as const) {
    for (let count = 0; count <= 70; count++) {
      const { columns, rows } = gridShape(count, width, height);
      expect(columns * rows).toBeGreaterThanOrEqual(count);
    }
  }
});

test.each([
  [1, 1280, 3],
  [16, 1280, 1],
  [64, 1280, 0],
  [16, 1920, 3],
  [32, 1920, 1],
  [64, 3840, 3],
])(
  "%s beds on a screen of %s pixels have room for %s waveforms each [STATION-42]",
  (count, screen, waves) => {
    // Without the side list, the bars above and the gaps.
    const [width, height] = [screen - 348, (screen * 9) / 16 - 172];
    const { columns, rows } = gridShape(count, width, height);
    expect(wavesThatFit(width / columns - 6, height / rows - 6)).toBe(waves);
  },
);

test("before a tile is measured it has room for all", () => {
  expect(wavesThatFit(0, 0)).toBe(3);
});

test("no tile is too narrow for its numbers, however many there are", () => {
  expect(900 / gridShape(64, 900, 300).columns).toBeGreaterThan(TILE_MIN.width);
});

test("arrow keys lead to the neighbour and not over the edge", () => {
  const from = (at: number | null) =>
    ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].map((key) => neighbour(key, at, 8, 3));
  expect(from(4)).toEqual([3, 5, 1, 7]);
  expect(from(0)).toEqual([null, 1, null, 3]);
  expect(from(7)).toEqual([6, null, 4, null]);
  expect(from(null)).toEqual([0, 0, 0, 0]);
});

test("other keys lead nowhere, and so does an empty ward", () => {
  expect(neighbour("a", 4, 8, 3)).toBeNull();
  expect(neighbour("ArrowDown", null, 0, 1)).toBeNull();
});
