import { describe, expect, test } from "vitest";

import type { JournalEvent, MetricTrend, Trend } from "../../src/feed/records";
import {
  askedFor,
  bandsIn,
  bandsOf,
  bucketAt,
  lineOf,
  moved,
  rowsOf,
  SPAN_S_MIN,
  tableOf,
  totalsAt,
  windowOf,
} from "../../src/model/trend";
import { T0 } from "../support/frames";

function metric(init: Partial<MetricTrend> = {}): MetricTrend {
  const mean = init.mean ?? [80, null, 82];
  return {
    name: "HR",
    unit: "/min",
    decimals: 0,
    period_s: 1,
    at: mean.map((_, nth) => T0 + 30 + 60 * nth),
    mean,
    low: mean,
    high: mean,
    ...init,
  };
}

function trendOf(...metrics: MetricTrend[]): Trend {
  const count = metrics[0]?.at.length ?? 0;
  return { since: T0, until: T0 + 60 * count, step_s: 60, metrics };
}

function event(init: Partial<JournalEvent> = {}): JournalEvent {
  return {
    seq: 1,
    at: T0,
    phase: "start",
    presence: "ON",
    condition: "SPO2_LOW",
    kind: "physiological",
    metric: "SpO2",
    priority: "MEDIUM",
    text: null,
    occurrence_id: 7,
    raised_at: T0,
    ended_at: null,
    ...init,
  };
}

describe("rows", () => {
  test("have one metric each, and the pressures of a site together", () => {
    const names = ["HR", "NIBPs", "SpO2", "NIBPd", "NIBPm", "NIBPs 2"];
    const rows = rowsOf(trendOf(...names.map((name) => metric({ name, period_s: 900 }))));
    expect(rows.map(({ name, metrics }) => [name, metrics.length])).toEqual([
      ["HR", 1],
      ["NIBP", 3],
      ["SpO2", 1],
      ["NIBP 2", 1],
    ]);
    expect(rows[1]).toMatchObject({ parameter: "nibp", spot: true });
  });

  test("of another unit are another row", () => {
    const rows = rowsOf(trendOf(metric({ name: "ABPs" }), metric({ name: "ABPs", unit: "kPa" })));
    expect(rows).toHaveLength(2);
  });
});

describe("a line", () => {
  test("is broken where a bucket has no value [RECORDS-14]", () => {
    expect(lineOf([80, null, 82], metric(), 60)).toEqual([80, null, 82]);
    expect(lineOf([0, null, null], metric(), 60)).toEqual([0, null, null]);
  });

  test("goes on between values that are due less often than buckets begin", () => {
    const slow = metric({ period_s: 30 });
    expect(lineOf([16, null, null, 17], slow, 10)).toEqual([16, undefined, undefined, 17]);
  });

  test("is broken where such a value is missed [RECORDS-14]", () => {
    const slow = metric({ period_s: 30 });
    const missed = [null, 16, null, null, null, null, null, null, 17, null];
    expect(lineOf(missed, slow, 10)).toEqual(missed);
  });
});

describe("the score over time", () => {
  test("holds until the next one, and is none where it is incomplete", () => {
    const scores = [
      { at: T0 + 10, total: 3, complete: true },
      { at: T0 + 30, total: null, complete: false },
      { at: T0 + 50, total: 0, complete: true },
    ];
    const at = [5, 10, 20, 30, 40, 50, 60].map((second) => T0 + second);
    expect(totalsAt(scores, at)).toEqual([null, 3, 3, null, null, 0, 0]);
  });
});

describe("alarm bands", () => {
  test("reach from the beginning to the end, at the highest priority", () => {
    const events = [
      event({ seq: 3, at: T0 + 40, phase: "end", presence: "OFF", ended_at: T0 + 39 }),
      event({ seq: 2, at: T0 + 20, phase: "escalate", priority: "HIGH" }),
      event(),
    ];
    expect(bandsOf(events)).toMatchObject([{ since: T0, until: T0 + 39, priority: "HIGH" }]);
  });

  test("have no end while the condition is present, and one where it has gone with its patient", () => {
    const gone = event({ occurrence_id: 8, at: T0 + 50, presence: "OFF", raised_at: T0 + 10 });
    expect(bandsOf([gone, event()]).map(({ until }) => until)).toEqual([Infinity, T0 + 50]);
  });

  test("belong to the row of their metric", () => {
    const [row] = rowsOf(trendOf(metric({ name: "SpO2" })));
    if (row === undefined) throw new Error("no row");
    const bands = bandsOf([event({ occurrence_id: 9, metric: "HR" }), event()]);
    expect(bandsIn(row, bands).map(({ occurrence }) => occurrence)).toEqual([7]);
  });
});

describe("windows", () => {
  const now = T0 + 100_000;

  test("are never later than now", () => {
    const whole = windowOf(4, now);
    expect(moved(whole, 0.5, now)).toEqual(whole);
    expect(moved(whole, -0.5, now)).toEqual({ since: now - 6 * 3600, until: now - 2 * 3600 });
  });

  test("that are short are asked for with what is around them", () => {
    const asked = askedFor({ since: now - 700, until: now - 600 }, now);
    expect(asked.until - asked.since).toBe(SPAN_S_MIN);
    expect(asked.until).toBe(now);
    expect(askedFor(windowOf(72, now), now)).toEqual(windowOf(72, now));
  });
});

describe("the table", () => {
  test("has the newest first, and no line without a value [RECORDS-15]", () => {
    const trend = trendOf(
      metric({ mean: [80, null, 0] }),
      metric({ name: "SpO2", mean: [null, null, 97] }),
    );
    const lines = tableOf(trend, { since: T0, until: T0 + 180 });
    expect(lines.map(({ at }) => at)).toEqual([T0 + 120, T0]);
    expect(lines[0]?.cells).toMatchObject([{ mean: 0 }, { mean: 97 }]);
    expect(lines[1]?.cells).toMatchObject([{ mean: 80 }, null]);
  });

  test("has nothing of another time than that in view", () => {
    const trend = trendOf(metric({ mean: [80, 81, 82] }));
    const lines = tableOf(trend, { since: T0 + 60, until: T0 + 120 });
    expect(lines.map(({ at }) => at)).toEqual([T0 + 60]);
  });
});

test("a time is in its bucket, or in none", () => {
  const trend = trendOf(metric());
  expect([-1, 0, 59, 60, 179, 180, NaN].map((second) => bucketAt(trend, T0 + second))).toEqual([
    -1, 0, 0, 1, 2, -1, -1,
  ]);
});
