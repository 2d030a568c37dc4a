import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { holdingBack } from "../../src/model/inactivation";
import { Inactivation } from "../../src/wire/rpm_service/v1/alarm_pb";
import { BedInactivationSchema } from "../../src/wire/rpm_service/v1/monitoring_pb";
import { alarm } from "../support/frames";

const off = create(BedInactivationSchema, { state: Inactivation.ALARM_OFF });

test.each(["ALARMS_OFF", "BED_NOT_COVERED", "NOT_DELIVERED"])(
  "[ALARM-42] %s tells that alarms may reach nobody, and is never held back",
  (condition) => {
    expect(holdingBack([off], alarm({ condition, metric: "" }))).toEqual([]);
    expect(holdingBack([off], alarm({ condition: "CONNECTION_LOST", metric: "" }))).toEqual([off]);
  },
);
