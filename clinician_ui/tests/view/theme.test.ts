// @vitest-environment node
//
// Whether what is written can be read, in both themes, computed from the style sheet itself.

import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { SHADES, strength } from "../../src/burden/figures";

const css = readFileSync(new URL("../../src/view/theme.css", import.meta.url), "utf8");

function colours(selector: string): Map<string, string> {
  const start = css.indexOf(`${selector} {`);
  const block = css.slice(start, css.indexOf("}", start));
  return new Map(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{3,6});/g)].map(([, n = "", c = ""]) => [n, c]),
  );
}

const dark = colours(":root");
const THEMES = { dark, light: new Map([...dark, ...colours(':root[data-theme="light"]')]) };

function colour(theme: Map<string, string>, name: string): string {
  const found = theme.get(name);
  if (found === undefined) throw new Error(`no colour --${name}`);
  return found;
}

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const whole = colour.length === 4 ? colour.replace(/[0-9a-f]/g, "$&$&") : colour;
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(whole.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** A colour that covers another in part. */
function over(colour: string, ground: string, opacity: number): string {
  const parts = [colour, ground].map((each) => {
    const whole = each.length === 4 ? each.replace(/[0-9a-f]/g, "$&$&") : each;
    return [1, 3, 5].map((at) => parseInt(whole.slice(at, at + 2), 16));
  }) as [number[], number[]];
  const mixed = parts[0].map((part, i) => part * opacity + (parts[1][i] ?? 0) * (1 - opacity));
  return `#${mixed.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

const PARAMETERS = ["hr", "spo2", "rr", "nibp", "abp", "temp", "co2", "other"];
const READ: [text: string, ground: string][] = [
  ["on-high", "high"],
  ["on-high", "high-dark"],
  ["on-medium", "medium"],
  ["on-medium", "medium-dark"],
  ...["text", "text-2"].flatMap((text) =>
    ["ground", "tile", "header"].map((ground): [string, string] => [text, ground]),
  ),
  ...["ground", "tile"].map((ground): [string, string] => ["text-on-ground", ground]),
  ...["high-text", "medium-text", "low"].map((text): [string, string] => [text, "header"]),
  ["low", "tile"],
  ["grey", "tile"],
  ...PARAMETERS.map((text): [string, string] => [text, "tile"]),
];

describe.each(Object.entries(THEMES))("in the %s theme", (_, theme) => {
  test.each(READ)("%s on %s has the contrast of WCAG AA [STATION-36]", (text, ground) => {
    expect(contrast(colour(theme, text), colour(theme, ground))).toBeGreaterThanOrEqual(4.5);
  });

  test("what calls differs from its ground, and each priority from the others [STATION-37]", () => {
    const high = colour(theme, "high");
    const medium = colour(theme, "medium");
    const tile = colour(theme, "tile");
    expect(contrast(high, medium)).toBeGreaterThanOrEqual(3);
    expect(contrast(high, tile)).toBeGreaterThanOrEqual(3);
  });

  test.each(["ramp", "bar", "before"])("a %s of a picture stands out [BURDEN-15]", (bar) => {
    expect(contrast(colour(theme, bar), colour(theme, "tile"))).toBeGreaterThanOrEqual(3);
  });

  test("each shade of the heat map differs in lightness from the next [BURDEN-15]", () => {
    const [ramp, tile, ground] = ["ramp", "tile", "ground"].map((name) => colour(theme, name)) as [
      string,
      string,
      string,
    ];
    const steps = Array.from({ length: SHADES }, (_, nth) => over(ramp, tile, strength(nth + 1)));
    const shades = [ground, ...steps];
    shades.slice(1).forEach((shade, nth) => {
      expect(contrast(shade, shades[nth] ?? "")).toBeGreaterThanOrEqual(1.25);
    });
    expect(contrast(shades.at(-1) ?? "", tile)).toBeGreaterThanOrEqual(3);
  });
});
