// The sound of the page: turned on by a person, then heard whenever something calls.

import { lengthOf, selfTest } from "./pattern";
import { type Calls, decide, SILENT } from "./schedule";
import type { Speaker } from "./speaker";

/** Seconds after the self-test in which nothing else is heard, so that the two are not mixed up. */
const TEST_ALONE_S = 0.5;

export class Sound {
  /** A person has turned it on and heard the test, and it can be heard now. */
  armed = $state(false);

  readonly #speaker: Speaker;
  readonly #onchange: () => void;
  #tested = false;
  #schedule = SILENT;
  #testUntil = -Infinity;

  /** `onchange` is called whenever `armed` has changed. */
  constructor(speaker: Speaker, onchange: () => void) {
    this.#speaker = speaker;
    this.#onchange = onchange;
    speaker.onchange = () => this.#look();
  }

  /** Turns sound on, where it is not, and plays the self-test; only while a person presses
   * something. Resolves to whether it could be heard. */
  async turnOn(now: number): Promise<boolean> {
    await this.#speaker.turnOn();
    if (!this.#speaker.isRunning) return false;
    const pulses = selfTest();
    this.#testUntil = now + lengthOf(pulses) + TEST_ALONE_S;
    this.#speaker.play(pulses);
    this.#tested = true;
    this.#look();
    return true;
  }

  /** Plays what is to be heard at `now`, in monotone seconds. */
  follow(calls: Calls, now: number): void {
    // Not every browser says that it has suspended sound.
    this.#look();
    if (!this.armed || now < this.#testUntil) return;
    const { schedule, play, stop } = decide(this.#schedule, calls, now);
    this.#schedule = schedule;
    if (stop) this.#speaker.stop();
    if (play !== null) this.#speaker.play(play);
  }

  #look(): void {
    const armed = this.#tested && this.#speaker.isRunning;
    if (armed === this.armed) return;
    this.armed = armed;
    // What was not heard while it was off is heard once it is on.
    this.#schedule = SILENT;
    this.#onchange();
  }
}
