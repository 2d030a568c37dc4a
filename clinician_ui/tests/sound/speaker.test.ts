// Whether a browser lets sound be heard, before an AudioContext that a test plays.

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { WebSpeaker } from "../../src/sound/speaker";

class FakeContext {
  static last: FakeContext;
  static answers = true;
  state: AudioContextState = "suspended";
  currentTime = 0;
  onstatechange: (() => void) | null = null;

  constructor() {
    FakeContext.last = this;
  }

  createPeriodicWave(): object {
    return {};
  }

  resume(): Promise<void> {
    if (!FakeContext.answers) return new Promise(() => undefined);
    this.state = "running";
    return Promise.resolve();
  }
}

let speaker: WebSpeaker;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("AudioContext", FakeContext);
  FakeContext.answers = true;
  speaker = new WebSpeaker();
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("a browser that does not let sound begin, and never answers, leaves it off [STATION-20]", async () => {
  FakeContext.answers = false;
  const turned = speaker.turnOn();
  await vi.advanceTimersByTimeAsync(1000);
  await turned;
  expect(speaker.isRunning).toBe(false);
});

test("sound that is suspended or closed does not run, and is begun anew [STATION-20]", async () => {
  await speaker.turnOn();
  expect(speaker.isRunning).toBe(true);
  const first = FakeContext.last;
  const changed = vi.fn();
  speaker.onchange = changed;
  first.state = "closed";
  first.onstatechange?.();
  expect(changed).toHaveBeenCalledOnce();
  expect(speaker.isRunning).toBe(false);
  await speaker.turnOn();
  expect(FakeContext.last).not.toBe(first);
  expect(speaker.isRunning).toBe(true);
});

test("sound whose clock stands still is not heard, whatever its state is called [STATION-20]", async () => {
  await speaker.turnOn();
  let now = 0;
  const look = (times: number, every_s: number, step_s: number) => {
    for (let each = 0; each < times; each++) {
      now += every_s;
      FakeContext.last.currentTime += step_s;
      speaker.look(now);
    }
  };
  look(20, 0.25, 0.25);
  expect(speaker.isRunning).toBe(true);
  // Frames that waited are taken all at once.
  look(20, 0.01, 0);
  expect(speaker.isRunning).toBe(true);
  look(8, 0.25, 0);
  expect(speaker.isRunning).toBe(false);
  look(1, 0.25, 0.25);
  expect(speaker.isRunning).toBe(true);
});
