// @vitest-environment node
//
// What `npm run build` makes, and the style sheets that it makes it of.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { build } from "vite";
import { beforeAll, describe, expect, test, vi } from "vitest";

describe("the built page", () => {
  const files = new Map<string, string>();

  // A build takes some seconds, and longer on a machine that does other things too.
  beforeAll(async () => {
    // As `npm run build` has it: Svelte brings its warnings along elsewhere.
    vi.stubEnv("NODE_ENV", "production");
    const built = await build({ logLevel: "silent", build: { write: false } });
    vi.unstubAllEnvs();
    if (!("output" in built)) throw new Error("the build has more than one output");
    for (const file of built.output) {
      files.set(file.fileName, String(file.type === "chunk" ? file.code : file.source));
    }
  }, 60_000);

  const index = () => files.get("index.html") ?? "";

  test("has nothing inline, which the content security policy would refuse [STATION-13]", () => {
    expect(index()).toContain("<script");
    for (const [tag] of index().matchAll(/<script[^>]*>/g)) expect(tag).toMatch(/ src="\/assets\//);
    expect(index()).not.toMatch(/<style| style=| on\w+=|data:/);
  });

  test("has no style in any markup that its script makes", () => {
    for (const [name, code] of files) {
      if (name.endsWith(".js")) expect(code).not.toMatch(/ style=\\?["']/);
    }
  });

  test("loads nothing from elsewhere [STATION-13]", () => {
    for (const [name, text] of files) {
      if (name.endsWith(".js")) continue;
      expect(text.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(
        /https?:|@import|data:/,
      );
    }
  });

  test("is small: under 150 KB as it goes over the wire [STATION-13]", () => {
    const bytes = [...files.values()].reduce((sum, text) => sum + gzipSync(text).length, 0);
    expect(bytes).toBeLessThan(150_000);
  });

  test("has nothing of the made-up ward", () => {
    expect([...files.keys()].filter((name) => name.includes("mock"))).toEqual([]);
    for (const text of files.values()) expect(text).not.toContain("sim-");
  });
});

describe("the flashing of alarms", () => {
  const css = readFileSync(new URL("../src/view/tile.css", import.meta.url), "utf8");

  function hertz(name: string): number {
    const seconds = new RegExp(`animation: ${name} ([\\d.]+)s steps`).exec(css)?.[1];
    return 1 / Number(seconds);
  }

  test("of HIGH is at 1.4 to 2.8 Hz, below the three a second that may cause seizures [STATION-6]", () => {
    expect(hertz("flash-high")).toBeGreaterThanOrEqual(1.4);
    expect(hertz("flash-high")).toBeLessThanOrEqual(2.8);
  });

  test("of MEDIUM is at 0.4 to 0.8 Hz, and LOW is steady [STATION-6]", () => {
    expect(hertz("flash-medium")).toBeGreaterThanOrEqual(0.4);
    expect(hertz("flash-medium")).toBeLessThanOrEqual(0.8);
    expect(hertz("flash-low")).toBeNaN();
    expect(css.match(/@keyframes/g)).toHaveLength(2);
  });

  test("stops for those who asked for less motion [STATION-6]", () => {
    expect(css).toMatch(/prefers-reduced-motion: reduce\)[^@]*animation: none !important/);
  });
});
