// The sound of the page: turned on by a person, then heard whenever something calls. It counts as
// armed only once a person has said that they heard its test: nothing else can know.

import { type SoundingPriority, selfTest, type TestPart } from "./pattern";
import { type Calls, decide, SILENT } from "./schedule";
import type { Speaker } from "./speaker";

/** The pattern that plays, and then the question whether all of them were heard. */
export type TestShown =
  { readonly at: "playing"; readonly priority: SoundingPriority } | { readonly at: "asking" };

/** Seconds after the self-test in which nothing else is heard, so that the two are not mixed up. */
const TEST_ALONE_S = 0.5;

export class Sound {
  /** A person has heard the test, and it can be heard now. */
  armed = $state(false);
  test = $state.raw<TestShown | null>(null);
  /** A person said that they did not hear the last test. */
  unheard = $state(false);
  /** The sound devices of the computer have changed since the last test. */
  devicesChanged = $state(false);

  readonly #speaker: Speaker;
  readonly #onchange: () => void;
  /** Turned on by a person, whether or not they have heard it. */
  #on = false;
  #heard = false;
  #isRunning = false;
  #schedule = SILENT;
  #testing: { readonly from: number; readonly parts: readonly TestPart[] } | null = null;

  /** `onchange` is called whenever `armed` has changed. */
  constructor(speaker: Speaker, onchange: () => void) {
    this.#speaker = speaker;
    this.#onchange = onchange;
    speaker.onchange = () => this.#look();
    speaker.ondevices = () => (this.devicesChanged = this.#on);
  }

  /** Turns sound on, where it is not, and plays the self-test; only while a person presses
   * something. Resolves to whether the browser lets it be played. */
  async turnOn(now: number): Promise<boolean> {
    await this.#speaker.turnOn();
    if (!this.#speaker.isRunning) return false;
    const parts = selfTest();
    this.#speaker.play(parts.flatMap(({ pulses }) => pulses));
    this.#testing = { from: now, parts };
    this.#on = true;
    this.unheard = false;
    this.devicesChanged = false;
    this.#showTest(now);
    this.#look();
    return true;
  }

  /** The person answers whether they heard the test. */
  answer(heard: boolean): void {
    if (this.test?.at !== "asking") return;
    this.test = null;
    this.#heard = heard;
    this.unheard = !heard;
    this.#look();
  }

  /** Plays what is to be heard at `now`, in monotone seconds. */
  follow(calls: Calls, now: number): void {
    // Not every browser says that it has suspended sound.
    this.#speaker.look(now);
    this.#look();
    this.#showTest(now);
    // What nobody has said to have heard is played all the same. A first test is heard out; one
    // of a sound that calls gives way to a call.
    if (!this.#isRunning || (this.#testing !== null && !this.#heard)) return;
    const { schedule, play, stop } = decide(this.#schedule, calls, now);
    this.#schedule = schedule;
    if (stop && (this.#testing === null || play !== null)) this.#speaker.stop();
    if (play === null) return;
    if (this.#testing !== null) this.#endTest(null);
    this.#speaker.play(play);
  }

  #showTest(now: number): void {
    if (this.#testing === null) return;
    const { from, parts } = this.#testing;
    const part = parts.find(({ until_s }) => now - from < until_s);
    if (part !== undefined) {
      if (this.test?.at !== "playing" || this.test.priority !== part.priority) {
        this.test = { at: "playing", priority: part.priority };
      }
    } else if (now - from >= Math.max(...parts.map(({ until_s }) => until_s)) + TEST_ALONE_S) {
      this.#endTest({ at: "asking" });
    }
  }

  #endTest(then: TestShown | null): void {
    this.#testing = null;
    this.test = then;
  }

  #look(): void {
    const isRunning = this.#on && this.#speaker.isRunning;
    // What was not heard while it was off is heard once it is on.
    if (isRunning !== this.#isRunning) this.#schedule = SILENT;
    this.#isRunning = isRunning;
    // A test that was cut off has not been heard.
    if (!isRunning && (this.#testing !== null || this.test !== null)) this.#endTest(null);
    const armed = this.#heard && isRunning;
    if (armed === this.armed) return;
    this.armed = armed;
    this.#onchange();
  }
}
