import { expect, test } from "vitest";

import { CONFIRM_WITHIN_S, press } from "../../src/model/confirmation";
import { AlarmPresence, AlarmPriority } from "../../src/wire/rpm_service/v1/alarm_pb";
import { alarm } from "../support/frames";

const medium = alarm({ occurrenceId: "2" });
const high = alarm({ occurrenceId: "4", priority: AlarmPriority.HIGH });

test("the first press names the highest alarm, the second acknowledges it", () => {
  const first = press(null, [high, medium], 10);
  expect(first).toMatchObject({ pending: { alarm: high }, acknowledge: null });
  expect(press(first.pending, [high, medium], 11)).toEqual({ pending: null, acknowledge: high });
});

test("a second press that comes late is a first one", () => {
  const { pending } = press(null, [medium], 10);
  const late = press(pending, [medium], 10 + CONFIRM_WITHIN_S + 0.1);
  expect(late).toMatchObject({ pending: { alarm: medium }, acknowledge: null });
});

test("an alarm that came in between was not meant", () => {
  const { pending } = press(null, [medium], 10);
  expect(press(pending, [high, medium], 11).acknowledge).toBe(medium);
});

test("an alarm that rose in between is named anew at its new priority", () => {
  const { pending } = press(null, [medium], 10);
  const risen = { ...medium, priority: AlarmPriority.HIGH };
  expect(press(pending, [risen], 11)).toMatchObject({
    pending: { alarm: risen },
    acknowledge: null,
  });
});

test("an alarm that was acknowledged elsewhere in between is left alone", () => {
  const { pending } = press(null, [medium], 10);
  const acknowledged = { ...medium, presence: AlarmPresence.ACKNOWLEDGED };
  expect(press(pending, [acknowledged], 11)).toEqual({ pending: null, acknowledge: null });
});

test("without an alarm that waits there is nothing to name", () => {
  expect(press(null, [], 10)).toEqual({ pending: null, acknowledge: null });
});
