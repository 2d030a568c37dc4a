import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { bedOf, alarm, described, snapshot, T0 } from "../support/frames";
import { wardOf } from "../../src/model/ward";
import { callsOf } from "../../src/sound/calls";
import { AlarmPresence, AlarmPriority, Inactivation } from "../../src/wire/rpm_service/v1/alarm_pb";
import { BedInactivationSchema } from "../../src/wire/rpm_service/v1/monitoring_pb";

const { HIGH, MEDIUM } = AlarmPriority;
const { AUDIO_PAUSED, AUDIO_OFF, ALARM_PAUSED, ALARM_OFF } = Inactivation;

function beds(init: Parameters<typeof described>[0] = {}) {
  const bed = bedOf(wardOf(snapshot({ beds: [described(init)] })));
  return new Map([[bed.description.bed, bed]]);
}

function held(init: Parameters<typeof create<typeof BedInactivationSchema>>[1]) {
  return beds({ inactivations: [create(BedInactivationSchema, { by: "anna", ...init })] });
}

const ids = (calls: ReturnType<typeof callsOf>) => calls.sounding.map(({ id }) => id);

test("what is ON calls, at its priority [STATION-17]", () => {
  const calls = callsOf([alarm(), alarm({ occurrenceId: "8", priority: HIGH })], beds(), T0);
  expect(calls.sounding).toEqual([
    { id: "7", priority: MEDIUM, joins: false },
    { id: "8", priority: HIGH, joins: false },
  ]);
  const [again] = callsOf([alarm({ noNewBurst: true })], beds(), T0).sounding;
  expect(again?.joins).toBe(true);
});

test("what is acknowledged does not, until it is ON again [STATION-17]", () => {
  const calls = callsOf([alarm({ presence: AlarmPresence.ACKNOWLEDGED })], beds(), T0);
  expect(ids(calls)).toEqual([]);
  expect([...calls.silenced]).toEqual(["7"]);
});

test("what has ended and is latched is on the screen only [STATION-17]", () => {
  const calls = callsOf([alarm({ presence: AlarmPresence.LATCHED, endedAt: T0 })], beds(), T0);
  expect(ids(calls)).toEqual([]);
  expect(calls.silenced.size).toBe(0);
});

test.each([
  ["paused", { state: AUDIO_PAUSED, until: T0 + 60 }],
  ["off", { state: AUDIO_OFF }],
  ["paused as an alarm", { state: ALARM_PAUSED, until: T0 + 60 }],
  ["off as an alarm", { state: ALARM_OFF }],
])("what is %s does not call [STATION-17]", (_, init) => {
  const calls = callsOf([alarm()], held(init), T0);
  expect(ids(calls)).toEqual([]);
  expect([...calls.silenced]).toEqual(["7"]);
});

test("what is held back of one metric or condition is that one alone", () => {
  const other = alarm({ occurrenceId: "8", metric: "HR", condition: "HR_HIGH" });
  const metric = held({ state: AUDIO_OFF, metric: "SpO2" });
  expect(ids(callsOf([alarm(), other], metric, T0))).toEqual(["8"]);
  const condition = held({ state: AUDIO_OFF, metric: "HR", condition: "HR_LOW" });
  expect(ids(callsOf([alarm(), other], condition, T0))).toEqual(["7", "8"]);
});

test("a pause that has run out holds nothing back, whether or not the server has said so", () => {
  expect(ids(callsOf([alarm()], held({ state: AUDIO_PAUSED, until: T0 }), T0))).toEqual(["7"]);
});

test("without a clock, and in a state that is not known, nothing is held back", () => {
  const paused = held({ state: AUDIO_PAUSED, until: T0 + 60 });
  expect(ids(callsOf([alarm()], paused, NaN))).toEqual(["7"]);
  expect(ids(callsOf([alarm()], held({ state: 99 as Inactivation }), T0))).toEqual(["7"]);
});

test("an alarm of a bed that is not on the page calls", () => {
  expect(ids(callsOf([alarm({ bed: "server" })], beds(), T0))).toEqual(["7"]);
});
