import { expect, test } from "vitest";

import { occurrencesOf } from "../../src/model/occurrences";
import type { WholeEvent } from "../../src/feed/records";
import { T0 } from "../support/frames";
import { told } from "../support/journal";

const event = (init: Record<string, unknown>) => told(init) as unknown as WholeEvent;

test("the newest event speaks for its occurrence, and who acknowledged stays known [BED-8]", () => {
  const found = occurrencesOf([
    event({ seq: 4, occurrence_id: 9, raised_at: T0 + 100 }),
    event({ seq: 3, phase: "end", ended_at: 130, extreme: 84, priority: "HIGH" }),
    event({ seq: 2, phase: "acknowledge", acknowledged_by: "anna" }),
    event({ seq: 1 }),
  ]);
  expect(found.map(({ occurrence_id }) => occurrence_id)).toEqual([9, 7]);
  expect(found[1]).toMatchObject({ ended_at: 130, extreme: 84, acknowledged_by: "anna" });
});
