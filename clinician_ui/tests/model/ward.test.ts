import { describe, expect, test } from "vitest";

import { EMPTY_WARD, inPlaces, wardOf, withDelta } from "../../src/model/ward";
import { AlarmPresence, Validity } from "../../src/wire/rpm_service/v1/alarm_pb";
import {
  alarm,
  bedOf,
  delta,
  described,
  HR,
  numerics,
  snapshot,
  SPO2,
  T0,
  TEMP,
  ward,
} from "../support/frames";

function values(of: ReturnType<typeof ward>): number[] {
  return bedOf(of).samples.map(({ value }) => value);
}

describe("a snapshot", () => {
  test("gives every bed its values by the positions of its metrics", () => {
    const [hr, spo2] = bedOf(ward(72, 98)).samples;
    expect(hr).toEqual({
      metric: HR,
      value: 72,
      observedAt: T0,
      validity: Validity.VALID,
      pending: false,
    });
    expect(spo2?.metric.name).toBe("SpO2");
    expect(spo2?.value).toBe(98);
  });

  test("leaves nothing of what was known before", () => {
    const after = wardOf(snapshot({ beds: [described({ number: 2, bed: "E-02" })] }));
    expect([...after.beds.keys()]).toEqual([2]);
    expect(after.alarms.size).toBe(0);
  });

  test("without values gives a bed that has none", () => {
    const [hr] = bedOf(wardOf(snapshot({ beds: [described()] }))).samples;
    expect(hr).toEqual({
      metric: HR,
      value: NaN,
      observedAt: 0,
      validity: Validity.MISSING,
      pending: false,
    });
  });
});

describe("a delta", () => {
  test("with values and without alarms brings the values", () => {
    const after = withDelta(ward(72, 98), delta({ numerics: [numerics(1, [75, 97], T0 + 1)] }));
    expect(values(after)).toEqual([75, 97]);
    expect(bedOf(after).samples[0]?.observedAt).toBe(T0 + 1);
  });

  test("with waveforms alone leaves the ward as it is, so that nothing is drawn anew", () => {
    const before = ward(72, 98);
    expect(
      withDelta(before, delta({ waveforms: [{ number: 1, samples: new Uint8Array(4) }] })),
    ).toBe(before);
  });

  test("keeps the identity of beds that it does not speak of", () => {
    const two = [described(), described({ number: 2, bed: "E-02" })];
    const before = wardOf(snapshot({ beds: two }));
    const after = withDelta(before, delta({ numerics: [numerics(2, [60, 99])] }));
    expect(after.beds.get(1)).toBe(before.beds.get(1));
    expect(after.beds.get(2)).not.toBe(before.beds.get(2));
  });

  test("with an alarm keeps the values", () => {
    const after = withDelta(ward(72, 88), delta({ alarms: [alarm()] }));
    expect(values(after)).toEqual([72, 88]);
    expect(after.alarms.get("7")?.condition).toBe("SPO2_LOW");
  });

  test("of a bed that nobody described is dropped", () => {
    expect(withDelta(EMPTY_WARD, delta({ numerics: [numerics(9, [1])] })).beds.size).toBe(0);
  });

  test("that is shorter than the metrics leaves the rest without a value, not with the old one", () => {
    expect(values(withDelta(ward(72, 98), delta({ numerics: [numerics(1, [75])] })))).toEqual([
      75,
      NaN,
    ]);
  });

  test("asystole: a heart rate of 0 is a value", () => {
    expect(values(withDelta(ward(72, 98), delta({ numerics: [numerics(1, [0, 98])] })))).toEqual([
      0, 98,
    ]);
  });
});

test("beds stand by unit and name, whenever they came", () => {
  const beds = [
    described({ number: 1, bed: "Bed 10" }),
    described({ number: 2, bed: "Bed 2" }),
    described({ number: 3, bed: "Bed 1", unit: "Ward 2" }),
  ];
  const places = inPlaces(wardOf(snapshot({ beds })).beds);
  expect(places.map(({ description }) => description.bed)).toEqual(["Bed 2", "Bed 10", "Bed 1"]);
});

describe("a bed that is described anew", () => {
  test("carries each value along with its metric", () => {
    const after = withDelta(
      ward(72, 98),
      delta({ beds: [described({ metrics: [TEMP, SPO2, HR] })] }),
    );
    expect(values(after)).toEqual([NaN, 98, 72]);
  });

  test.each([
    ["patient", { patientId: "P2" }],
    ["device", { deviceId: "monitor-2" }],
  ])("has no values of another %s", (_, change) => {
    expect(values(withDelta(ward(72, 98), delta({ beds: [described(change)] })))).toEqual([
      NaN,
      NaN,
    ]);
  });

  test("does not carry a value over into another unit", () => {
    const fahrenheit = { ...TEMP, unit: "[degF]" };
    const before = wardOf(
      snapshot({ beds: [described({ metrics: [TEMP] })], numerics: [numerics(1, [37])] }),
    );
    expect(
      values(withDelta(before, delta({ beds: [described({ metrics: [fahrenheit] })] }))),
    ).toEqual([NaN]);
  });
});

describe("an alarm event", () => {
  const raised = withDelta(EMPTY_WARD, delta({ alarms: [alarm()] }));

  test("of a higher sequence number replaces the one before", () => {
    const event = alarm({ eventSeq: 2, presence: AlarmPresence.ACKNOWLEDGED });
    const after = withDelta(raised, delta({ alarms: [event] }));
    expect(after.alarms.get("7")?.presence).toBe(AlarmPresence.ACKNOWLEDGED);
  });

  test("that comes late does not undo a newer one", () => {
    const newer = withDelta(raised, delta({ alarms: [alarm({ eventSeq: 3, extreme: 80 })] }));
    const after = withDelta(newer, delta({ alarms: [alarm({ eventSeq: 2, extreme: 85 })] }));
    expect(after.alarms.get("7")?.extreme).toBe(80);
  });

  test("that says OFF takes the alarm away, and a late repeat does not bring it back", () => {
    const off = alarm({ eventSeq: 4, presence: AlarmPresence.OFF });
    const ended = withDelta(raised, delta({ alarms: [off] }));
    expect(ended.alarms.size).toBe(0);
    expect(withDelta(ended, delta({ alarms: [alarm({ eventSeq: 3 })] })).alarms.size).toBe(0);
  });

  test("that says LATCHED keeps the alarm", () => {
    const latched = alarm({ eventSeq: 2, presence: AlarmPresence.LATCHED });
    expect(withDelta(raised, delta({ alarms: [latched] })).alarms.size).toBe(1);
  });

  test("of the past is remembered within bounds", () => {
    let current = EMPTY_WARD;
    for (let id = 0; id < 1000; id++) {
      const off = alarm({ occurrenceId: String(id), presence: AlarmPresence.OFF });
      current = withDelta(current, delta({ alarms: [off] }));
    }
    expect(current.ended.size).toBe(256);
    expect(current.ended.has("999")).toBe(true);
  });
});
