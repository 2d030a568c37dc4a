// Messages of the contract, with everything that a test does not speak of filled in.

import { create, type MessageInitShape } from "@bufbuild/protobuf";

import { type Bed, type Sample, type Ward, wardOf } from "../../src/model/ward";
import {
  type AlarmEvent,
  AlarmEventSchema,
  AlarmKind,
  AlarmPhase,
  AlarmPresence,
  AlarmPriority,
  Validity,
} from "../../src/wire/rpm_service/v1/alarm_pb";
import {
  AgeClass,
  type BedDescription,
  BedDescriptionSchema,
  type BedNumerics,
  BedNumericsSchema,
  Connection,
  type Delta,
  DeltaSchema,
  MetricDescriptionSchema,
  type Snapshot,
  SnapshotSchema,
} from "../../src/wire/rpm_service/v1/monitoring_pb";

/** The server's clock at the beginning of every test. */
export const T0 = 1_700_000_000;

export const HR = create(MetricDescriptionSchema, {
  name: "HR",
  code: 147842,
  unit: "/min",
  staleAfterS: 5,
  limits: { metric: "HR", low: 50, high: 120, extremeLow: 35, extremeHigh: 160 },
});
export const SPO2 = create(MetricDescriptionSchema, {
  name: "SpO2",
  code: 150456,
  unit: "%",
  staleAfterS: 5,
  limits: { metric: "SpO2", low: 90 },
});
export const TEMP = create(MetricDescriptionSchema, {
  name: "Temp",
  code: 150344,
  unit: "Cel",
  decimals: 1,
  staleAfterS: 900,
});
export const NIBP = ["NIBPs", "NIBPd", "NIBPm"].map((name, part) =>
  create(MetricDescriptionSchema, {
    name,
    code: 150021 + part,
    unit: "mm[Hg]",
    staleAfterS: 3600,
    limits: {
      metric: name,
      low: [90, 50, 60][part] as number,
      high: [160, 90, 110][part] as number,
    },
  }),
);

export function described(
  init: MessageInitShape<typeof BedDescriptionSchema> = {},
): BedDescription {
  return create(BedDescriptionSchema, {
    number: 1,
    bed: "E-01",
    unit: "ICU East",
    deviceId: "monitor-1",
    patientId: "P1",
    ageClass: AgeClass.ADULT,
    connection: Connection.CONNECTED,
    metrics: [HR, SPO2],
    ...init,
  });
}

export function numerics(
  number: number,
  values: number[],
  observedAt: number | number[] = T0,
  validity: Validity[] = [],
): BedNumerics {
  const times = typeof observedAt === "number" ? values.map(() => observedAt) : observedAt;
  return create(BedNumericsSchema, { number, values, observedAt: times, validity });
}

export function alarm(init: MessageInitShape<typeof AlarmEventSchema> = {}): AlarmEvent {
  return create(AlarmEventSchema, {
    occurrenceId: "7",
    eventSeq: 1,
    phase: AlarmPhase.START,
    bed: "E-01",
    deviceId: "monitor-1",
    condition: "SPO2_LOW",
    kind: AlarmKind.PHYSIOLOGICAL,
    priority: AlarmPriority.MEDIUM,
    presence: AlarmPresence.ON,
    metric: "SpO2",
    value: 88,
    extreme: 87,
    limit: 90,
    raisedAt: T0,
    observedAt: T0,
    receivedAt: T0,
    ...init,
  });
}

export function snapshot(init: MessageInitShape<typeof SnapshotSchema> = {}): Snapshot {
  return create(SnapshotSchema, { revision: "1", serverClock: T0, ...init });
}

export function delta(init: MessageInitShape<typeof DeltaSchema> = {}): Delta {
  return create(DeltaSchema, { revision: "2", serverClock: T0, ...init });
}

export function ward(...values: number[]): Ward {
  return wardOf(snapshot({ beds: [described()], numerics: [numerics(1, values)] }));
}

export function bedOf(ward: Ward, number = 1): Bed {
  const bed = ward.beds.get(number);
  if (bed === undefined) throw new Error(`no bed ${number}`);
  return bed;
}

/** A bed of one metric, as it is read. */
export function bedWith(sample: Partial<Sample>, connection = Connection.CONNECTED): [Bed, Sample] {
  const whole: Sample = {
    metric: HR,
    value: 72,
    observedAt: T0,
    validity: Validity.VALID,
    pending: false,
    ...sample,
  };
  return [{ description: described({ connection }), samples: [whole] }, whole];
}
