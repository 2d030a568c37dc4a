// Newest samples of every waveform, outside the reactive state: typed arrays that the canvases
// read. A ring is addressed by absolute sample number (time times rate), so a gap in time is a
// gap in the ring, and nothing is ever moved up to hide it.

import type { BedWaveform } from "../wire/rpm_service/v1/monitoring_pb";
import type { SampleArrayMetric } from "../wire/rpm_service/v1/telemetry_pb";
import type { Ward } from "./ward";

/** Says that there is no sample. */
export const NO_SAMPLE = -32768;
/** What a ring holds, in seconds: more than the widest sweep. */
export const HELD_S = 32;
/** A start this many samples off is the same clock, rounded; more is a gap. */
const JITTER_SAMPLES = 2;

export class Ring {
  readonly metric: SampleArrayMetric;
  readonly samples: Int16Array;
  /** Number of the sample after the newest; 0 while there is none. */
  end = 0;

  constructor(metric: SampleArrayMetric) {
    this.metric = metric;
    this.samples = new Int16Array(Math.ceil(HELD_S * metric.sampleRateHz)).fill(NO_SAMPLE);
  }

  /** Sample by number; NO_SAMPLE where it is not held. */
  at(number: number): number {
    if (number >= this.end || number < this.end - this.samples.length) return NO_SAMPLE;
    return this.samples[number % this.samples.length] ?? NO_SAMPLE;
  }

  /** Takes little-endian samples of which the first is of time `startAt`. */
  push(startAt: number, bytes: Uint8Array): void {
    const size = this.samples.length;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const count = bytes.byteLength >> 1;
    let number = Math.round(startAt * this.metric.sampleRateHz);
    if (!Number.isFinite(number) || number <= 0) return;
    if (Math.abs(number - this.end) <= JITTER_SAMPLES) number = this.end;
    if (number + count <= this.end - size) {
      // Further back than anything held: the bed's clock was set back, and this is now.
      this.samples.fill(NO_SAMPLE);
      this.end = number;
    }
    // What was never sent is a gap.
    for (let gap = Math.max(this.end, number - size); gap < number; gap++) {
      this.samples[gap % size] = NO_SAMPLE;
    }
    for (let i = 0; i < count; i++) {
      if (number + i >= this.end - size) {
        this.samples[(number + i) % size] = view.getInt16(2 * i, true);
      }
    }
    this.end = Math.max(this.end, number + count);
  }
}

/** The rings of a ward. */
export class Waves {
  readonly #rings = new Map<number, Ring[]>();

  /** Keeps a ring for each waveform the ward describes, and forgets the others. */
  follow(beds: Ward["beds"]): void {
    for (const number of this.#rings.keys()) if (!beds.has(number)) this.#rings.delete(number);
    for (const [number, { description }] of beds) {
      const before = this.#rings.get(number) ?? [];
      const rings = description.waveforms.map((metric, position) => {
        const ring = before[position];
        return ring !== undefined && isSame(ring.metric, metric) ? ring : new Ring(metric);
      });
      this.#rings.set(number, rings);
    }
  }

  take(waveforms: readonly BedWaveform[]): void {
    for (const { number, waveform, startAt, samples } of waveforms) {
      this.#rings.get(number)?.[waveform]?.push(startAt, samples);
    }
  }

  of(bed: number): readonly Ring[] {
    return this.#rings.get(bed) ?? [];
  }

  clear(): void {
    this.#rings.clear();
  }
}

function isSame(a: SampleArrayMetric, b: SampleArrayMetric): boolean {
  return (
    a.code === b.code &&
    a.unit === b.unit &&
    a.sampleRateHz === b.sampleRateHz &&
    a.scale === b.scale &&
    a.offset === b.offset &&
    a.instance === b.instance
  );
}
