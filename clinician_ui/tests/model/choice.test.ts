import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";

import { choiceOf, choose, marked, mineOf, partsOf, WHOLE } from "../../src/model/choice";
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

function bedOf(bed: string, unit: string, deviceId = bed, careGroups: string[] = []): Bed {
  const description = create(BedDescriptionSchema, { bed, unit, deviceId, careGroups });
  return { description, samples: [] };
}

const BEDS = [
  bedOf("E-1", "East", "E-1", ["Team 10", "Team 2"]),
  bedOf("E-2", "East", "E-2", ["Team 2"]),
  bedOf("W-1", "West", "monitor-9", ["Team 2"]),
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

  test("is a care group of one unit [STATION-63]", () => {
    expect(names(chosen({ unit: "East", careGroup: "Team 10" }).beds)).toEqual(["E-1"]);
    expect(names(chosen({ unit: "East", careGroup: "Team 2" }).beds)).toEqual(["E-1", "E-2"]);
    expect(names(chosen({ unit: "West", careGroup: "Team 2" }).beds)).toEqual(["W-1"]);
    expect(names(chosen({ text: "team 10" }).beds)).toEqual(["E-1"]);
    const { hidden, hiddenAlarms } = chosen({ unit: "East", careGroup: "Team 10" }, [
      alarm("E-2", HIGH),
    ]);
    expect([hidden, hiddenAlarms.length]).toEqual([3, 1]);
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

describe("what there is to choose", () => {
  const parts = (unit = "", careGroup = "") =>
    partsOf([...BEDS, bedOf("x", "", "x", ["nobody's"])], { unit, careGroup }).map((part) =>
      [part.unit, part.careGroup].filter(Boolean).join("/"),
    );

  test("is each unit once, in the order of its place, and its groups by name [STATION-63]", () => {
    expect(parts()).toEqual(["East", "East/Team 2", "East/Team 10", "West", "West/Team 2"]);
  });

  test("has what is chosen, though no bed is of it now [STATION-63]", () => {
    expect(parts("West", "Nights").slice(3)).toEqual(["West", "West/Nights", "West/Team 2"]);
    expect(parts("North").at(-1)).toBe("North");
  });
});

test("a bed that is marked twice is not mine", () => {
  const once = marked(new Set(["a"]), "b");
  expect(once).toEqual(new Set(["a", "b"]));
  expect(marked(once, "a")).toEqual(new Set(["b"]));
});

describe("what was kept in the browser", () => {
  test("comes back, but for what was typed", () => {
    const kept = {
      order: "alarm",
      unit: "West",
      careGroup: "Team 2",
      mine: true,
      text: "typed",
    } as const;
    expect(choiceOf(JSON.stringify(kept))).toEqual({ ...kept, text: "" });
    expect(mineOf(JSON.stringify(["a", "b"]))).toEqual(new Set(["a", "b"]));
  });

  test.each([
    null,
    "",
    "no json",
    "[]",
    "7",
    '{"order":"odd","mine":"yes"}',
    '{"careGroup":"Team 2"}',
  ])("is the whole ward where it is none: %s", (kept) => {
    expect(choiceOf(kept)).toEqual(WHOLE);
    expect(mineOf(kept)).toEqual(new Set());
  });
});
