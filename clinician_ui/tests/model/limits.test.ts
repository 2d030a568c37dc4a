import { expect, test } from "vitest";

import { changesOf, limitsInForce, parsed } from "../../src/model/limits";
import { HR } from "../support/frames";

const before = limitsInForce(HR);
const draft = { extreme_low: "35", low: "50", high: "120", extreme_high: "160" };

test("a draft as it is in force changes nothing", () => {
  expect(changesOf(before, parsed(before, draft))).toEqual([]);
});

test("a change says what was and what would be; an empty field is no limit, 0 is one [BED-7]", () => {
  const after = parsed(before, { ...draft, low: "45", extreme_low: "", high: "0" });
  expect(changesOf(before, after)).toEqual([
    { field: "extreme_low", before: 35, after: null },
    { field: "low", before: 50, after: 45 },
    { field: "high", before: 120, after: 0 },
  ]);
});
