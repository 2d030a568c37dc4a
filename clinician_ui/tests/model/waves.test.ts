import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";

import { HELD_S, NO_SAMPLE, Ring, Waves } from "../../src/model/waves";
import { wardOf } from "../../src/model/ward";
import { BedWaveformSchema } from "../../src/wire/rpm_service/v1/monitoring_pb";
import { SampleArrayMetricSchema } from "../../src/wire/rpm_service/v1/telemetry_pb";
import { described, snapshot, T0 } from "../support/frames";

const HZ = 125;
const ECG = create(SampleArrayMetricSchema, { code: 131330, sampleRateHz: HZ, scale: 0.002 });

function bytes(...samples: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * samples.length));
  samples.forEach((sample, i) => view.setInt16(2 * i, sample, true));
  return new Uint8Array(view.buffer);
}

function held(ring: Ring, from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => ring.at(from + i));
}

const start = T0 * HZ;

describe("a ring", () => {
  test("holds samples by the number that their time gives them", () => {
    const ring = new Ring(ECG);
    ring.push(T0, bytes(1, -2, 3));
    expect(held(ring, start - 1, 5)).toEqual([NO_SAMPLE, 1, -2, 3, NO_SAMPLE]);
    expect(ring.end).toBe(start + 3);
  });

  test("reads bytes that do not begin at an even place", () => {
    const shifted = new Uint8Array([9, ...bytes(1, -2)]).subarray(1);
    const ring = new Ring(ECG);
    ring.push(T0, shifted);
    expect(held(ring, start, 2)).toEqual([1, -2]);
  });

  test("keeps a gap where nothing was sent", () => {
    const ring = new Ring(ECG);
    ring.push(T0, bytes(1, 2));
    ring.push(T0 + 10 / HZ, bytes(3));
    expect(held(ring, start, 11)).toEqual([1, 2, ...Array<number>(8).fill(NO_SAMPLE), 3]);
  });

  test("joins chunks whose clock was rounded", () => {
    const ring = new Ring(ECG);
    ring.push(T0, bytes(1, 2));
    ring.push(T0 + 3.4 / HZ, bytes(3));
    expect(held(ring, start, 3)).toEqual([1, 2, 3]);
  });

  test("forgets what is older than it holds", () => {
    const ring = new Ring(ECG);
    ring.push(T0, bytes(7));
    ring.push(T0 + HELD_S + 1, bytes(8));
    expect(ring.at(start)).toBe(NO_SAMPLE);
    expect(ring.at(start + (HELD_S + 1) * HZ)).toBe(8);
  });

  test("shows nothing of the round before in a gap as long as itself", () => {
    const ring = new Ring(ECG);
    ring.push(T0, bytes(...Array<number>(HELD_S * HZ).fill(5)));
    ring.push(T0 + 2 * HELD_S, bytes(6));
    const from = start + HELD_S * HZ;
    expect(new Set(held(ring, from, HELD_S * HZ))).toEqual(new Set([NO_SAMPLE]));
  });

  test("begins anew when the bed's clock is set far back", () => {
    const ring = new Ring(ECG);
    ring.push(T0 + 3600, bytes(5));
    ring.push(T0, bytes(6));
    expect(ring.at(start)).toBe(6);
    expect(ring.end).toBe(start + 1);
  });

  test("takes nothing that has no time", () => {
    const ring = new Ring(ECG);
    ring.push(NaN, bytes(5));
    ring.push(0, bytes(5));
    expect(ring.end).toBe(0);
  });
});

describe("the waves of a ward", () => {
  const beds = wardOf(snapshot({ beds: [described({ waveforms: [ECG] })] })).beds;
  const chunk = create(BedWaveformSchema, { number: 1, startAt: T0, samples: bytes(4) });

  test("go to the ring of their bed and position", () => {
    const waves = new Waves();
    waves.follow(beds);
    waves.take([chunk, create(BedWaveformSchema, { ...chunk, number: 9 })]);
    expect(waves.of(1)[0]?.at(start)).toBe(4);
    expect(waves.of(9)).toEqual([]);
  });

  test("outlive a description that does not change them, and no other", () => {
    const waves = new Waves();
    waves.follow(beds);
    const [ring] = waves.of(1);
    waves.follow(wardOf(snapshot({ beds: [described({ patientId: "", waveforms: [ECG] })] })).beds);
    expect(waves.of(1)[0]).toBe(ring);
    const faster = { ...ECG, sampleRateHz: 250 };
    waves.follow(wardOf(snapshot({ beds: [described({ waveforms: [faster] })] })).beds);
    expect(waves.of(1)[0]).not.toBe(ring);
    waves.follow(new Map());
    expect(waves.of(1)).toEqual([]);
  });
});
