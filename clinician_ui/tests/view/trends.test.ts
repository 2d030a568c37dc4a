// Trends of a bed, but for what uPlot draws.

import { render, screen } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Records } from "../../src/feed/records";
import { type Bed, wardOf } from "../../src/model/ward";
import type { Station } from "../../src/station.svelte";
import type { Drawing } from "../../src/view/trendChart";
import Trends from "../../src/view/Trends.svelte";
import { words } from "../../src/words";
import { bedOf, described, snapshot, T0 } from "../support/frames";
import { said } from "../support/page";

const drawn = vi.hoisted(() => ({ charts: [] as Drawing[] }));
// It draws on a canvas, which only a browser has.
vi.mock("../../src/view/trendChart", () => ({
  TrendChart: class {
    constructor(_place: HTMLElement, drawing: Drawing) {
      drawn.charts.push(drawing);
    }
    show(): void {}
    close(): void {}
  },
}));

let asked: URL[];
let answers: Record<string, () => Response>;

beforeEach(() => {
  asked = [];
  drawn.charts.length = 0;
  answers = {
    trend: () => Response.json(TREND),
    scores: () => Response.json({ scores: [{ at: T0 - 99_999, total: 5, complete: true }] }),
    journal: () => Response.json({ events: [EVENT], next_before: null }),
  };
});

const TREND = {
  since: T0 - 120,
  until: T0,
  step_s: 60,
  metrics: [
    {
      name: "SpO2",
      unit: "%",
      decimals: 0,
      period_s: 1,
      at: [T0 - 90, T0 - 30],
      mean: [97.2, null],
      low: [88, null],
      high: [99, null],
    },
  ],
};
const EVENT = {
  seq: 1,
  at: T0 - 100,
  phase: "start",
  presence: "ON",
  condition: "SPO2_LOW",
  kind: "physiological",
  metric: "SpO2",
  priority: "HIGH",
  text: null,
  occurrence_id: 7,
  raised_at: T0 - 100,
  ended_at: null,
};

function get(path: string): Promise<Response> {
  const url = new URL(path, "https://here");
  asked.push(url);
  const what = url.pathname.split("/").at(-1) ?? "";
  return Promise.resolve(answers[what]?.() ?? new Response(null, { status: 404 }));
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 10; turns += 1) {
    await vi.dynamicImportSettled();
    await tick();
  }
}

function bedFrom(description: ReturnType<typeof described>): Bed {
  return bedOf(wardOf(snapshot({ beds: [description] })));
}

async function shown(description = described()) {
  const station = { now: T0 } as Station;
  const view = render(Trends, {
    props: { bed: bedFrom(description), station, records: new Records(get) },
  });
  await settled();
  return view;
}

function ofTrends(): URLSearchParams[] {
  return asked.filter(({ pathname }) => pathname.endsWith("/trend")).map((url) => url.searchParams);
}

function press(name: string): Promise<void> {
  screen.getByRole("button", { name }).click();
  return settled();
}

afterEach(() => {
  vi.useRealTimers();
});

describe("trends", () => {
  test("show the last hours that are chosen", async () => {
    await shown();
    await press("24 h");
    const spans = ofTrends().map(
      (query) => Number(query.get("until")) - Number(query.get("since")),
    );
    expect(spans).toEqual([4 * 3600, 24 * 3600]);
    expect(ofTrends()[1]?.get("until")).toBe(String(T0));
    expect(screen.getByRole("button", { name: "24 h" }).getAttribute("aria-pressed")).toBe("true");
  });

  test("draw a metric with its limits of now, and its alarms", async () => {
    await shown();
    expect(drawn.charts).toHaveLength(2);
    expect(drawn.charts[0]).toMatchObject({ limits: [90], colour: "--spo2", axis: false });
    expect(drawn.charts[0]?.bands).toMatchObject([{ priority: "HIGH", since: T0 - 100 }]);
    expect(drawn.charts[0]?.lines[0]?.mean).toEqual([97.2, null]);
    expect(drawn.charts[1]).toMatchObject({ axis: true, lines: [{ mean: [5, 5] }] });
  });

  test("are a table too, for whoever sees no lines [RECORDS-15]", async () => {
    await shown();
    await press(words.asTable);
    const [head, line] = screen.getAllByRole("row");
    expect(said(head)).toBe("FromSpO₂ %");
    expect(said(line)).toMatch(/97 88–99$/);
    expect(screen.getAllByRole("row")).toHaveLength(2);
  });

  test("say which alarms there were, in words", async () => {
    await shown();
    expect(said(screen.getByRole("listitem", { hidden: true }))).toMatch(
      /– now · high priority · SpO₂ low$/,
    );
  });

  test("can be had as a file", async () => {
    await shown(described({ bed: "gw/bed 1" }));
    const link = screen.getByRole("link", { name: words.exportCsv });
    expect(link.getAttribute("href")).toBe(
      `/v1/beds/gw%2Fbed%201/numerics.csv?since=${T0 - 4 * 3600}&until=${T0}`,
    );
  });

  test("say why they could not be read [RECORDS-16]", async () => {
    answers["trend"] = () => Response.json({ error: "too much is read" }, { status: 503 });
    await shown();
    expect(said(screen.getByRole("alert"))).toBe(`${words.trendsNotRead}: too much is read`);
  });

  test("have nothing of one patient under the name of the next [RECORDS-16]", async () => {
    const view = await shown();
    expect(screen.getAllByText("SpO₂")).toHaveLength(1);
    answers["trend"] = () => new Response(null, { status: 503 });
    await view.rerender({ bed: bedFrom(described({ patientId: "P2" })) });
    await settled();
    expect(screen.queryByText("SpO₂")).toBeNull();
    expect(screen.queryByRole("listitem", { hidden: true })).toBeNull();
  });

  test("of an earlier question are not shown for a later one", async () => {
    let late: (() => void) | undefined;
    const slow = new Promise<Response>((resolve) => {
      late = () => resolve(Response.json({ ...TREND, metrics: [] }));
    });
    const first = answers["trend"];
    answers["trend"] = () => slow as unknown as Response;
    await shown();
    if (first !== undefined) answers["trend"] = first;
    await press("12 h");
    late?.();
    await settled();
    expect(screen.getAllByText("SpO₂")).toHaveLength(1);
  });
});

test("the journal is read on, for so many pages", async () => {
  answers["journal"] = () => Response.json({ events: [EVENT], next_before: 5 });
  const events = await new Records(get).events("E-01", 1, 2);
  expect(events).toHaveLength(5);
  expect(asked.at(-1)?.searchParams.get("before")).toBe("5");
});
