import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";

import { choiceOf, choose, marked, mineOf, unitsOf, WHOLE } from "../../src/model/choice";
import type { Bed } from "../../src/model/ward";
import {
  type AlarmEvent,
  AlarmEventSchema,
  AlarmPresence,
  AlarmPriority,
} from "../../src/wire/rpm_service/v1/alarm_pb";
import { BedDescriptionSchema } from "../../src/wire/rpm_service/v1/monitoring_pb";

const { HIGH, MEDIUM, LOW } = AlarmPriority;
const { ON, ACKNOWLEDGED } = AlarmPresence;

function bedOf(bed: string, unit: string, deviceId = bed): Bed {
  return { description: create(BedDescriptionSchema, { bed, unit, deviceId }), samples: [] };
}

const BEDS = [
  bedOf("E-1", "East"),
  bedOf("E-2", "East"),
  bedOf("W-1", "West", "monitor-9"),
  bedOf("W-2", "West"),
];

function alarm(bed: string, priority: AlarmPriority, presence = ON, raisedAt = 1): AlarmEvent {
  return create(AlarmEventSchema, { bed, priority, presence, raisedAt });
}

function names(beds: readonly Bed[]): string[] {
  return beds.map(({ description }) => description.bed);
}

function chosen(part: Partial<typeof WHOLE>, alarms: AlarmEvent[] = [], mine: string[] = []) {
  const of = ({ description }: Bed) => alarms.filter(({ bed }) => bed === description.bed);
  return choose(BEDS, of, { ...WHOLE, ...part }, new Set(mine));
}

describe("what of the ward is shown", () => {
  test("is everything, in its places, until a person chooses [STATION-34]", () => {
    const { beds, hidden } = chosen({}, [alarm("W-2", HIGH)]);
    expect(names(beds)).toEqual(["E-1", "E-2", "W-1", "W-2"]);
    expect(hidden).toBe(0);
  });

  test("is a unit, the beds that are mine, or what is looked for by name [STATION-34]", () => {
    expect(names(chosen({ unit: "West" }).beds)).toEqual(["W-1", "W-2"]);
    expect(names(chosen({ mine: true }, [], ["E-2", "W-1"]).beds)).toEqual(["E-2", "W-1"]);
    expect(names(chosen({ text: " west " }).beds)).toEqual(["W-1", "W-2"]);
    expect(names(chosen({ text: "MONITOR" }).beds)).toEqual(["W-1"]);
    expect(names(chosen({ text: "nobody" }).beds)).toEqual([]);
  });

  test("is with the highest alarm first, and else in its places [STATION-34]", () => {
    const alarms = [
      alarm("W-2", HIGH),
      alarm("E-2", MEDIUM),
      alarm("W-1", MEDIUM),
      alarm("E-1", HIGH, ACKNOWLEDGED),
    ];
    expect(names(chosen({ order: "alarm" }, alarms).beds)).toEqual(["W-2", "E-2", "W-1", "E-1"]);
  });

  test("hides no alarm without saying so, the highest and earliest first [STATION-35]", () => {
    const alarms = [
      alarm("W-1", LOW),
      alarm("W-2", HIGH, ON, 9),
      alarm("W-2", HIGH, ON, 3),
      alarm("W-1", HIGH, ACKNOWLEDGED),
      alarm("E-1", HIGH),
    ];
    const { hidden, hiddenAlarms } = chosen({ unit: "East" }, alarms);
    expect(hidden).toBe(2);
    expect(hiddenAlarms).toEqual([alarms[2], alarms[1], alarms[0]]);
  });
});

test("units are told once, in the order of their places", () => {
  expect(unitsOf([...BEDS, bedOf("x", "")])).toEqual(["East", "West"]);
});

test("a bed that is marked twice is not mine", () => {
  const once = marked(new Set(["a"]), "b");
  expect(once).toEqual(new Set(["a", "b"]));
  expect(marked(once, "a")).toEqual(new Set(["b"]));
});

describe("what was kept in the browser", () => {
  test("comes back, but for what was typed", () => {
    const kept = { order: "alarm", unit: "West", mine: true, text: "typed" } as const;
    expect(choiceOf(JSON.stringify(kept))).toEqual({ ...kept, text: "" });
    expect(mineOf(JSON.stringify(["a", "b"]))).toEqual(new Set(["a", "b"]));
  });

  test.each([null, "", "no json", "[]", "7", '{"order":"odd","mine":"yes"}'])(
    "is the whole ward where it is none: %s",
    (kept) => {
      expect(choiceOf(kept)).toEqual(WHOLE);
      expect(mineOf(kept)).toEqual(new Set());
    },
  );
});
