// The thin shell around Web Audio: pulses out of oscillators.

import { EDGE_PART, HARMONICS, type Pulse } from "./pattern";

/** Time for the browser to prepare a burst. */
const AHEAD_S = 0.05;
/** What plays is faded out in this time when it must end, so that it does not click. */
const FADE_S = 0.02;
/** A browser that does not let sound begin may never answer; then it is off. */
const ANSWER_WITHIN_MS = 1000;
/** So long may the clock of the sound stand still; then nothing is heard, whatever the browser
 * calls its state. On a busy machine many looks come at once. */
const STILL_S_MAX = 2;
/** Part of full scale; the wave itself reaches 1. */
const LOUDNESS = 0.9;

export interface Speaker {
  /** Whether it can be heard; false until it was turned on, and whenever it is suspended. */
  readonly isRunning: boolean;
  /** Called whenever `isRunning` may have changed. */
  onchange: (() => void) | null;
  /** Called when a sound device was plugged in or out: what is heard may be another one. */
  ondevices: (() => void) | null;
  /** Turns it on; the browser allows that only while a person presses something. */
  turnOn(): Promise<void>;
  /** Looks whether it still runs; called again and again, `now` in monotone seconds. */
  look(now: number): void;
  play(pulses: readonly Pulse[]): void;
  stop(): void;
}

export class WebSpeaker implements Speaker {
  onchange: (() => void) | null = null;
  ondevices: (() => void) | null = null;
  #soundTime = -1;
  #wentOnAt = NaN;
  #isStill = false;
  #context: AudioContext | null = null;
  #wave: PeriodicWave | null = null;
  #playing: { gain: GainNode; oscillators: OscillatorNode[] } | null = null;

  constructor() {
    // Absent where the page is not served securely.
    const devices = "mediaDevices" in navigator ? navigator.mediaDevices : null;
    devices?.addEventListener("devicechange", () => this.ondevices?.());
  }

  get isRunning(): boolean {
    return this.#context?.state === "running" && !this.#isStill;
  }

  look(now: number): void {
    const time = this.#context?.currentTime ?? -1;
    if (time !== this.#soundTime || Number.isNaN(this.#wentOnAt)) this.#wentOnAt = now;
    this.#isStill = now - this.#wentOnAt >= STILL_S_MAX;
    this.#soundTime = time;
  }

  async turnOn(): Promise<void> {
    if (this.#context === null || this.#context.state === "closed") {
      this.#context = new AudioContext();
      this.#context.onstatechange = () => this.onchange?.();
      const imaginary = Float32Array.from([0, ...HARMONICS]);
      this.#wave = this.#context.createPeriodicWave(new Float32Array(imaginary.length), imaginary);
    }
    this.#wentOnAt = NaN;
    this.#isStill = false;
    const refused = new Promise((resolve) => setTimeout(resolve, ANSWER_WITHIN_MS));
    await Promise.race([this.#context.resume(), refused]);
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
