import { expect, test } from "vitest";

import { csvOf, EVERYTHING, pageOf, queryOf, withNewest } from "../../src/model/log";
import { alarmText } from "../../src/words";
import { AlarmPhase, AlarmPriority, Responsibility } from "../../src/wire/rpm_service/v1/alarm_pb";
import { told } from "../support/journal";

const page = (...seqs: number[]) =>
  pageOf({ events: seqs.map((seq) => told({ seq })), next_before: seqs.at(-1) ?? null });

test("an event of the journal is an alarm as it stood after it", () => {
  const [event] = pageOf({
    events: [told({ phase: "responsibility", by: "anna", responsible: "anna", accepted: false })],
    next_before: null,
  }).events;
  expect(event).toMatchObject({ seq: 7, unit: "ICU East", by: "anna" });
  expect(event?.alarm).toMatchObject({
    phase: AlarmPhase.RESPONSIBILITY,
    priority: AlarmPriority.MEDIUM,
    responsibility: Responsibility.REJECTED,
  });
  expect(event && alarmText(event.alarm)).toBe("SpO₂ 88 < 90");
});

test("asystole: a value of 0 is 0, and null is none", () => {
  const events = [told({ value: 0 }), told({ value: null, limit: null })];
  const [zero, none] = pageOf({ events, next_before: null }).events;
  expect(zero?.alarm.value).toBe(0);
  expect(none?.alarm.value).toBeUndefined();
});

test("what a later server tells is not taken for anything else", () => {
  const [event] = pageOf({ events: [told({ phase: "sung" })], next_before: null }).events;
  expect(event?.alarm.phase).toBe(AlarmPhase.UNSPECIFIED);
  expect(() => pageOf({ error: "x" })).toThrow(TypeError);
});

test("the server looks for all that a person asks for [STATION-58]", () => {
  const filter = { ...EVERYTHING, bed: "E-01", priority: "HIGH", since: 5, phase: "END", by: "bo" };
  expect(queryOf(filter, 9)).toBe(
    "bed=E-01&priority=HIGH&phase=end&by=bo&earlier=true&since=5&before=9",
  );
  expect(queryOf(EVERYTHING, null)).toBe("");
});

test("what is new comes before what was read, once; a gap is never hidden [STATION-58]", () => {
  const seqs = ({ events }: ReturnType<typeof page>) => events.map(({ seq }) => seq);
  const known = page(8, 7, 6, 5);
  const joined = withNewest(known, page(10, 9, 8, 7));
  expect(seqs(joined)).toEqual([10, 9, 8, 7, 6, 5]);
  expect(joined.nextBefore).toBe(5);
  expect(seqs(withNewest(known, page(20, 19)))).toEqual([20, 19]);
});

test("a table is a file in which no cell is a formula", () => {
  expect(
    csvOf([
      ["at", "who"],
      [1.5, '=HYPERLINK("x")'],
      [NaN, "a,b"],
    ]),
  ).toBe('at,who\r\n1.5,"\'=HYPERLINK(""x"")"\r\n,"a,b"\r\n');
});
