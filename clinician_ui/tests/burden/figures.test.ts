import { describe, expect, test, vi } from "vitest";

import { pngFile, svgFile } from "../../src/burden/download";
import {
  byPriority,
  csvOf,
  ofMetric,
  pareto,
  replayed,
  shade,
  SHADES,
  shareOfThree,
} from "../../src/burden/figures";
import { lasting, percent, rate } from "../../src/burden/numbers";
import { conditionWords } from "../../src/words";
import { bed, burden, condition, QUIET, whatIf } from "../support/burden";

describe("conditions of all units and priorities", () => {
  const conditions = [
    condition("HR_HIGH", "MEDIUM", "ICU", 2),
    condition("SPO2_LOW", "MEDIUM", "ICU", 4),
    condition("SPO2_LOW", "HIGH", "ward", 2),
  ];

  test("are added up, most first", () => {
    expect(pareto(conditions)).toEqual([
      { condition: "SPO2_LOW", count: 6, soFar: 0.75 },
      { condition: "HR_HIGH", count: 2, soFar: 1 },
    ]);
    expect(pareto([])).toEqual([]);
  });

  test("are added up by priority", () => {
    expect(byPriority(conditions)).toEqual({ HIGH: 2, MEDIUM: 6, LOW: 0 });
  });
});

test("one alarm is never the shade of none, and the most are the last [BURDEN-12]", () => {
  expect(shade(0, 500)).toBe(0);
  expect(shade(1, 500)).toBe(1);
  expect(shade(500, 500)).toBe(SHADES);
  const shades = Array.from({ length: 501 }, (_, count) => shade(count, 500));
  expect(shades).toEqual([...shades].sort((a, b) => a - b));
});

test("three beds are as many as there are [BURDEN-11]", () => {
  const two = [bed("A", { 1: 3 }, 0.75), bed("B", { 1: 1 }, 1)];
  expect(shareOfThree({ ...QUIET, beds: two })).toBe(1);
  expect(shareOfThree(QUIET)).toBeNaN();
});

test("a trial of a metric is about its own conditions", () => {
  const { comparisons } = whatIf();
  expect(ofMetric(comparisons, "SpO2 2").map((each) => each.condition)).toEqual(["SPO2_LOW"]);
  expect(ofMetric(comparisons, "HR").map((each) => each.condition)).toEqual(["HR_HIGH"]);
  expect(replayed(comparisons).map((each) => each.condition)).toEqual(["SPO2_LOW", "HR_HIGH"]);
});

test("what was not measured is a dash, and 0 is 0 [BURDEN-11]", () => {
  expect([rate(null), lasting(null), percent(NaN)]).toEqual(["–", "–", "–"]);
  expect([rate(0), lasting(0), percent(0)]).toEqual(["0", "0 s", "0 %"]);
  expect([rate(9.44), rate(94.4)]).toEqual(["9.4", "94"]);
  expect([lasting(119), lasting(120), lasting(7200)]).toEqual(["119 s", "2 min", "2 h"]);
});

test("a condition is said without its bed", () => {
  expect(["SPO2_LOW", "NIBPS_HIGH", "HR_FALLING"].map(conditionWords)).toEqual([
    "SpO₂ low",
    "NIBP systolic high",
    "HR falling",
  ]);
  expect(["METRIC_STALE", "COMBINED_WARNING"].map(conditionWords)).toEqual([
    "value not updated",
    "combined warning",
  ]);
});

describe("the table of everything", () => {
  const rows = csvOf(burden(), whatIf())
    .trimEnd()
    .split("\r\n")
    .map((line) => line.split(","));

  test("has one figure a row [BURDEN-14]", () => {
    expect(rows.every((row) => row.length === 9)).toBe(true);
    const hours = rows.filter(
      ([figure, kind]) => figure === "hour_of_day" && kind === "physiological",
    );
    expect(hours).toHaveLength(2 * 24);
    expect(hours.reduce((sum, row) => sum + Number(row[8]), 0)).toBe(5);
    expect(rows).toContainEqual([
      "condition",
      "physiological",
      "ICU",
      "",
      "SPO2_LOW",
      "MEDIUM",
      ...(rows[1] ?? []).slice(6, 8),
      "3",
    ]);
    expect(rows.filter(([figure]) => figure === "what_if_tried").map((row) => row[8])).toEqual([
      "1",
      "2",
      "0",
    ]);
  });

  test("holds nothing that a spreadsheet would run, and quotes what it must [BURDEN-14]", () => {
    const beds = [bed('=HYPERLINK("x")', { 3: 1 }, 1), bed("a,b", {}, 1)];
    const text = csvOf({ ...burden(), physiological: { ...QUIET, beds } }, null);
    expect(text).toContain(`"'=HYPERLINK(""x"")"`);
    expect(text).toContain('"a,b"');
    expect(text).not.toMatch(/(^|,)"?=/m);
  });
});

/** A picture as the page draws it. */
function picture(shapes: string): SVGSVGElement {
  document.body.innerHTML = `<svg class="picture" viewBox="0 0 10 20">${shapes}</svg>`;
  return document.querySelector("svg") as SVGSVGElement;
}

test("a picture is a file of its own, without classes [BURDEN-14]", async () => {
  const svg = picture('<rect class="bar" fill-opacity="0.5" width="3"/>');
  const file = await svgFile(svg).text();
  expect(file).toContain('xmlns="http://www.w3.org/2000/svg"');
  expect(file).toContain('fill-opacity="0.5"');
  expect(file).not.toContain("class=");
});

test("and in pixels, every shape of it, by nothing but a canvas [BURDEN-14]", async () => {
  const drawn: [what: string, ...where: unknown[]][] = [];
  const state: Record<string, unknown> = {};
  const paper = new Proxy(state, {
    get: (of, name) =>
      of[String(name)] ??
      ((...where: unknown[]) => {
        if (String(name).startsWith("fill")) where.push(of["fillStyle"], of["globalAlpha"]);
        drawn.push([String(name), ...where]);
      }),
  });
  const canvas = { width: 0, height: 0, getContext: () => paper, toBlob: vi.fn() };
  canvas.toBlob.mockImplementation((done: (file: Blob) => void, type: string) => {
    done(new Blob(["pixels"], { type }));
  });
  const svg = picture(
    '<rect x="1" y="2" width="3" height="4" rx="2" style="fill: #ff0000" fill-opacity="0.5"/>' +
      '<line x1="1" x2="9" y1="5" y2="5" style="fill: none; stroke: #00ff00"/>' +
      '<polyline points="1,2 3,4" style="fill: none; stroke: #00ff00"/>' +
      '<circle cx="5" cy="6" r="3" style="fill: #0000ff"/>' +
      '<text x="2" y="3" style="fill: #ffffff; text-anchor: end"> 12 </text>',
  );
  vi.spyOn(document, "createElement").mockImplementation((name: string) => {
    expect(name).toBe("canvas");
    return canvas as unknown as HTMLElement;
  });
  const file = await pngFile(svg);
  vi.restoreAllMocks();
  expect(file.type).toBe("image/png");
  expect([canvas.width, canvas.height]).toEqual([68, 88]);
  expect(drawn).toContainEqual(["roundRect", 1, 2, 3, 4, 2]);
  expect(drawn).toContainEqual(["fill", "#ff0000", 0.5]);
  expect(drawn).toContainEqual(["lineTo", 9, 5]);
  expect(drawn).toContainEqual(["lineTo", 3, 4]);
  expect(drawn).toContainEqual(["arc", 5, 6, 3, 0, 2 * Math.PI]);
  expect(drawn).toContainEqual(["fillText", "12", 2, 3, "#ffffff", 1]);
  expect(state["textAlign"]).toBe("right");
  expect(drawn.filter(([what]) => what === "stroke")).toHaveLength(2);
});

test("a shape that nobody draws is no picture with a hole", async () => {
  const svg = picture('<path d="M0 0h3"/>');
  await expect(pngFile(svg)).rejects.toThrow();
});
