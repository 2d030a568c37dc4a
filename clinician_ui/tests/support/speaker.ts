import type { Pulse } from "../../src/sound/pattern";
import type { Speaker } from "../../src/sound/speaker";

/** A speaker that notes what it was told to play, by the number of pulses. */
export class FakeSpeaker implements Speaker {
  onchange: (() => void) | null = null;
  ondevices: (() => void) | null = null;
  isRunning = false;
  /** Whether the browser lets itself be turned on. */
  isAllowed = true;
  readonly played: number[] = [];
  stops = 0;

  turnOn(): Promise<void> {
    this.isRunning = this.isAllowed;
    this.onchange?.();
    return Promise.resolve();
  }

  look(): void {
    // What it is told is all there is to see.
  }

  play(pulses: readonly Pulse[]): void {
    this.played.push(pulses.length);
  }

  stop(): void {
    this.stops += 1;
  }

  /** The browser suspends or resumes it. */
  run(isRunning: boolean): void {
    this.isRunning = isRunning;
    this.onchange?.();
  }
}
