// The thin shell around Web Audio: pulses out of oscillators.

import { EDGE_PART, HARMONICS, type Pulse } from "./pattern";

/** Time for the browser to prepare a burst. */
const AHEAD_S = 0.05;
/** What plays is faded out in this time when it must end, so that it does not click. */
const FADE_S = 0.02;
/** Part of full scale; the wave itself reaches 1. */
const LOUDNESS = 0.9;

export interface Speaker {
  /** Whether it can be heard; false until it was turned on, and whenever it is suspended. */
  readonly isRunning: boolean;
  /** Called whenever `isRunning` may have changed. */
  onchange: (() => void) | null;
  /** Turns it on; the browser allows that only while a person presses something. */
  turnOn(): Promise<void>;
  play(pulses: readonly Pulse[]): void;
  stop(): void;
}

export class WebSpeaker implements Speaker {
  onchange: (() => void) | null = null;
  #context: AudioContext | null = null;
  #wave: PeriodicWave | null = null;
  #playing: { gain: GainNode; oscillators: OscillatorNode[] } | null = null;

  get isRunning(): boolean {
    return this.#context?.state === "running";
  }

  async turnOn(): Promise<void> {
    if (this.#context === null || this.#context.state === "closed") {
      this.#context = new AudioContext();
      this.#context.onstatechange = () => this.onchange?.();
      const imaginary = Float32Array.from([0, ...HARMONICS]);
      this.#wave = this.#context.createPeriodicWave(new Float32Array(imaginary.length), imaginary);
    }
    await this.#context.resume();
    this.onchange?.();
  }

  play(pulses: readonly Pulse[]): void {
    this.stop();
    const context = this.#context;
    const wave = this.#wave;
    if (context === null || wave === null || !this.isRunning) return;
    const gain = context.createGain();
    gain.gain.value = LOUDNESS;
    gain.connect(context.destination);
    const from = context.currentTime + AHEAD_S;
    const oscillators = pulses.map(({ at_s, length_s, pitch_hz }) => {
      const oscillator = context.createOscillator();
      const swell = context.createGain();
      const [begin, end] = [from + at_s, from + at_s + length_s];
      const edge_s = length_s * EDGE_PART;
      oscillator.setPeriodicWave(wave);
      oscillator.frequency.value = pitch_hz;
      swell.gain.setValueAtTime(0, begin);
      swell.gain.linearRampToValueAtTime(1, begin + edge_s);
      swell.gain.setValueAtTime(1, end - edge_s);
      swell.gain.linearRampToValueAtTime(0, end);
      oscillator.connect(swell).connect(gain);
      oscillator.start(begin);
      oscillator.stop(end);
      return oscillator;
    });
    this.#playing = { gain, oscillators };
  }

  stop(): void {
    const { gain, oscillators } = this.#playing ?? { gain: null, oscillators: [] };
    this.#playing = null;
    if (gain === null) return;
    const now = gain.context.currentTime;
    gain.gain.setValueAtTime(LOUDNESS, now);
    gain.gain.linearRampToValueAtTime(0, now + FADE_S);
    for (const oscillator of oscillators) oscillator.stop(now + FADE_S);
  }
}
