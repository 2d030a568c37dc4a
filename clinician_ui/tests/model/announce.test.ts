import { expect, test } from "vitest";

import { announce } from "../../src/model/announce";
import { AlarmPresence, AlarmPriority } from "../../src/wire/rpm_service/v1/alarm_pb";
import { alarm } from "../support/frames";

const NOBODY = new Set<string>();

test("an alarm is said once, and again when its priority rises [STATION-56]", () => {
  const first = announce(NOBODY, [alarm()]);
  expect(first.fresh).toEqual([alarm()]);
  const later = alarm({ eventSeq: 2, extreme: 80 });
  expect(announce(first.said, [later]).fresh).toEqual([]);
  const risen = alarm({ priority: AlarmPriority.HIGH });
  expect(announce(first.said, [risen]).fresh).toEqual([risen]);
});

test("one that becomes the highest because another has ended is not said anew [STATION-56]", () => {
  const other = alarm({ occurrenceId: "9", priority: AlarmPriority.HIGH });
  const { said } = announce(NOBODY, [other, alarm()]);
  expect(announce(said, [alarm()]).fresh).toEqual([]);
});

test("an alarm whose acknowledgement has run out calls again, so it is said again [STATION-56]", () => {
  const { said } = announce(NOBODY, [alarm()]);
  const acknowledged = announce(said, [alarm({ presence: AlarmPresence.ACKNOWLEDGED })]);
  expect(acknowledged.fresh).toEqual([]);
  expect(announce(acknowledged.said, [alarm()]).fresh).toEqual([alarm()]);
});
