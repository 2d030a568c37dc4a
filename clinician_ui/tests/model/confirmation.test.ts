import { expect, test } from "vitest";

import {
  CONFIRM_WITHIN_S,
  type Confirmation,
  confirms,
  keyed,
  named,
  type Silencing,
} from "../../src/model/confirmation";
import { AlarmPresence, AlarmPriority } from "../../src/wire/rpm_service/v1/alarm_pb";
import { alarm } from "../support/frames";

const medium = alarm({ occurrenceId: "2" });
const high = alarm({ occurrenceId: "4", priority: AlarmPriority.HIGH });
const acknowledge = (of: typeof medium): Silencing => ({ act: "acknowledge", alarm: of });
const pending: Confirmation = named(acknowledge(medium), 10);

test("the first press names, the second within 5 s confirms [STATION-53]", () => {
  expect(confirms(null, acknowledge(medium), 10)).toBe(false);
  expect(confirms(pending, acknowledge(medium), 10 + CONFIRM_WITHIN_S)).toBe(true);
  expect(confirms(pending, acknowledge(medium), 10 + CONFIRM_WITHIN_S + 0.1)).toBe(false);
  expect(CONFIRM_WITHIN_S).toBe(5);
});

test("a press on anything else is a first one [STATION-53]", () => {
  expect(confirms(pending, acknowledge(high), 11)).toBe(false);
  expect(confirms(pending, { act: "pause", bed: medium.bed }, 11)).toBe(false);
  const paused = named({ act: "pause", bed: "E-01" }, 10);
  expect(confirms(paused, { act: "pause", bed: "E-01" }, 11)).toBe(true);
  expect(confirms(paused, { act: "pause", bed: "E-02" }, 11)).toBe(false);
});

test("an alarm that rose in between is named anew at its new priority [STATION-53]", () => {
  expect(confirms(pending, acknowledge({ ...medium, priority: AlarmPriority.HIGH }), 11)).toBe(
    false,
  );
});

test("the key is about the highest alarm, and then about the one that was named", () => {
  expect(keyed(null, [high, medium], 10)).toBe(high);
  expect(keyed(pending, [high, medium], 11)).toBe(medium);
  expect(keyed(pending, [high, medium], 16)).toBe(high);
});

test("an alarm that was acknowledged elsewhere in between is left alone", () => {
  const acknowledged = { ...medium, presence: AlarmPresence.ACKNOWLEDGED };
  expect(keyed(pending, [acknowledged], 11)).toBeUndefined();
  expect(keyed(pending, [high, acknowledged], 11)).toBe(high);
});
