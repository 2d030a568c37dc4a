// The whole page, as a person meets it: what is on the screen, and what pressing does.

import { create } from "@bufbuild/protobuf";
import { render, screen, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Acts } from "../../src/feed/acts";
import { NO_SESSION } from "../../src/feed/link";
import { Station } from "../../src/station.svelte";
import StationView from "../../src/view/Station.svelte";
import {
  AlarmKind,
  AlarmPresence,
  AlarmPriority,
  Inactivation,
} from "../../src/wire/rpm_service/v1/alarm_pb";
import { Connection, MetricDescriptionSchema } from "../../src/wire/rpm_service/v1/monitoring_pb";
import { SampleArrayMetricSchema } from "../../src/wire/rpm_service/v1/telemetry_pb";
import { words } from "../../src/words";
import { alarm, delta, described, HR, NIBP, numerics, snapshot, SPO2, T0 } from "../support/frames";
import { FakeSpeaker } from "../support/speaker";
import { FakeWorld } from "../support/world";

const TICK_MS = 250;
const { HIGH } = AlarmPriority;
const { ACKNOWLEDGED, LATCHED } = AlarmPresence;

let world: FakeWorld;
let station: Station;
let speaker: FakeSpeaker;
let posted: { path: string; body: Record<string, unknown> }[];
let answer: () => Response;

beforeEach(() => {
  vi.useFakeTimers();
  world = new FakeWorld();
  posted = [];
  answer = () => new Response(null, { status: 204 });
  const acts = new Acts((path, { body }) => {
    posted.push({ path, body: JSON.parse(String(body)) as Record<string, unknown> });
    return Promise.resolve(answer());
  });
  // What is stored is not of these tests.
  vi.stubGlobal("fetch", () => new Promise(() => undefined));
  speaker = new FakeSpeaker();
  station = new Station(world, acts, speaker);
  render(StationView, { station });
  station.start();
});

afterEach(() => {
  station.stop();
  vi.useRealTimers();
});

async function pass(seconds: number): Promise<void> {
  world.pass(seconds);
  vi.advanceTimersByTime(TICK_MS);
  await tick();
}

/** The server shows the ward; its clock is T0 now. */
async function show(init: Parameters<typeof snapshot>[0] = {}): Promise<void> {
  world.socket.open();
  const beds = [described()];
  world.socket.say({
    case: "snapshot",
    value: snapshot({ beds, numerics: [numerics(1, [72, 98])], ...init }),
  });
  await tick();
}

async function press(key: string, init: KeyboardEventInit = {}): Promise<void> {
  const target = document.activeElement ?? document.body;
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...init }));
  await tick();
  await Promise.resolve();
}

function tile(bed = "E-01"): HTMLElement {
  return screen.getByRole("article", { name: new RegExp(`^Bed ${bed}`) });
}

/** A numeric with what it shows, blanks evened out. */
function numeric(name: string, bed?: string): string {
  const group = within(tile(bed)).getByRole("group", { name });
  return (group.textContent ?? "").replace(/\s+/g, " ").trim();
}

function listed(): HTMLElement[] {
  return within(screen.getByRole("region", { name: words.activeAlarms })).queryAllByRole(
    "listitem",
  );
}

describe("a tile", () => {
  test("shows value, unit, limits and age of every numeric [STATION-3]", async () => {
    await show();
    expect(numeric("HR")).toBe("HR /min limits 120/50 now 72");
    expect(numeric("SpO₂")).toBe("SpO₂ % limits –/90 now 98");
  });

  test("says of a cuff when it was taken, and how long ago [STATION-40]", async () => {
    vi.stubEnv("TZ", "Europe/Berlin");
    const beds = [described({ metrics: [HR, SPO2, ...NIBP] })];
    const at = T0 - 720;
    const times = [T0, T0, at, at, at];
    await show({ beds, numerics: [numerics(1, [72, 98, 128, 77, 94], times)] });
    // T0 is 22:13:20 UTC.
    expect(numeric("NIBP")).toContain("23:01 · 12 min 128/77 (94)");
    expect(within(tile()).getByTitle("taken 23:01:20 (12 min)")).toBeDefined();
    vi.unstubAllEnvs();
  });

  test("shows the charge of the device, and not among what is measured [STATION-41]", async () => {
    const battery = create(MetricDescriptionSchema, {
      name: "Batt",
      code: 67996,
      unit: "%",
      staleAfterS: 60,
    });
    const beds = [described({ metrics: [HR, SPO2, battery] })];
    await show({ beds, numerics: [numerics(1, [72, 98, 62])] });
    expect(within(tile()).getByTitle("battery of the device: 62 %")).toBeDefined();
    expect(within(tile()).queryByRole("group", { name: "Batt" })).toBeNull();
    world.socket.say({
      case: "delta",
      value: delta({ numerics: [numerics(1, [72, 98, 62], [T0, T0, T0 - 61])] }),
    });
    await tick();
    expect(within(tile()).getByTitle("battery of the device: --? %")).toBeDefined();
  });

  test("asystole: shows a heart rate of 0 as 0 [STATION-4]", async () => {
    await show({ numerics: [numerics(1, [0, 98])] });
    expect(numeric("HR")).toContain("now 0");
  });

  test("counts the age of a value that is not renewed, and then hides it [STATION-4]", async () => {
    await show();
    for (let second = 0; second < 4; second++) {
      await pass(1);
      world.socket.say({ case: "progress", value: { serverClock: T0 + second + 1 } });
    }
    await pass(0);
    expect(numeric("HR")).toContain("4 s 72");
    await pass(1.5);
    expect(numeric("HR")).toBe(`HR /min limits 120/50 5 s --? ${words.noCurrentValue}`);
    expect(screen.queryByText("72")).toBeNull();
  });

  test("of a bed whose device is gone says so and has no numbers", async () => {
    await show({ beds: [described({ connection: Connection.LOST })] });
    expect(tile().textContent).toContain(words.connectionLost);
    expect(numeric("HR")).toContain("--?");
  });

  test("follows a delta", async () => {
    await show();
    world.socket.say({ case: "delta", value: delta({ numerics: [numerics(1, [75, 97])] }) });
    await tick();
    expect(numeric("HR")).toContain("75");
  });

  test("says its alarm by colour, symbol and words [STATION-5]", async () => {
    await show({ alarms: [alarm({ priority: HIGH })], numerics: [numerics(1, [72, 84])] });
    expect(tile().className).toContain("high");
    expect(tile().className).toContain("on");
    expect(within(tile()).getByText("!!! SpO₂ 84 < 90")).toBeTruthy();
    expect(tile().getAttribute("aria-label")).toBe("Bed E-01 SpO₂ below 90, high priority");
    expect(within(tile()).getByText("84").className).toContain("high");
  });

  test("stops asking once somebody has acknowledged, and says who", async () => {
    await show({ alarms: [alarm({ presence: ACKNOWLEDGED, acknowledgedBy: "anna" })] });
    expect(tile().className).not.toMatch(/\bon\b/);
    expect(within(tile()).queryByRole("button", { name: /^Acknowledge/ })).toBeNull();
    expect(tile().textContent).toContain("anna");
  });
});

describe("the list of alarms", () => {
  const technical = alarm({
    occurrenceId: "8",
    kind: AlarmKind.TECHNICAL,
    condition: "METRIC_STALE",
    metric: "HR",
    limit: undefined,
  });

  test("has every active alarm, the highest first", async () => {
    await show({ alarms: [technical, alarm({ priority: HIGH })] });
    expect(listed().map((item) => item.getAttribute("aria-label"))).toEqual([
      "E-01 SpO₂ 88 < 90",
      "E-01 HR not updated",
    ]);
  });

  test("says when an acknowledged alarm sounds again", async () => {
    const acknowledged = alarm({
      presence: ACKNOWLEDGED,
      acknowledgedBy: "anna",
      acknowledgedAt: T0,
      acknowledgedUntil: T0 + 48,
    });
    await show({ alarms: [acknowledged] });
    expect(listed()[0]?.textContent).toContain("sounds again in 0:48");
  });

  test("is empty in words", async () => {
    await show();
    expect(screen.getByText(words.noAlarms)).toBeTruthy();
  });
});

describe("delivery", () => {
  function hide(hidden: boolean): void {
    vi.spyOn(document, "visibilityState", "get").mockReturnValue(hidden ? "hidden" : "visible");
    document.dispatchEvent(new Event("visibilitychange"));
  }

  afterEach(() => vi.restoreAllMocks());

  test("confirms the alarms of a snapshot and every event of a delta, once drawn [STATION-14]", async () => {
    world.socket.open();
    const beds = [described()];
    world.socket.say({ case: "snapshot", value: snapshot({ beds, alarms: [alarm()] }) });
    expect(world.socket.confirmed).toEqual([]);
    await tick();
    expect(listed()).toHaveLength(1);
    expect(world.socket.confirmed).toEqual([["7.1"]]);
    const events = [alarm({ occurrenceId: "8" }), alarm({ occurrenceId: "8", eventSeq: 2 })];
    world.socket.say({ case: "delta", value: delta({ alarms: events }) });
    await tick();
    expect(world.socket.confirmed).toEqual([["7.1"], ["8.1", "8.2"]]);
  });

  test("confirms an alarm's end too, which is shown by its leaving", async () => {
    await show({ alarms: [alarm()] });
    const ended = alarm({ eventSeq: 2, presence: AlarmPresence.OFF });
    world.socket.say({ case: "delta", value: delta({ alarms: [ended] }) });
    await tick();
    expect(listed()).toHaveLength(0);
    expect(world.socket.confirmed.at(-1)).toEqual(["7.2"]);
  });

  test("waits in a hidden tab until a person can see it [STATION-14]", async () => {
    hide(true);
    await show({ alarms: [alarm()] });
    expect(world.socket.confirmed).toEqual([]);
    hide(false);
    await tick();
    expect(world.socket.confirmed).toEqual([["7.1"]]);
  });

  test("is said again after a connection that ended, with the alarms that still stand", async () => {
    await show({ alarms: [alarm()] });
    world.socket.end();
    await pass(0.5);
    await show({ alarms: [alarm({ eventSeq: 3 })] });
    expect(world.sockets).toHaveLength(2);
    expect(world.socket.confirmed).toEqual([["7.1", "7.3"]]);
  });

  test("tells the server when the page goes out of view, and when it comes back [STATION-15]", async () => {
    await show();
    hide(true);
    hide(false);
    expect(world.socket.presences.map(({ visible }) => visible)).toEqual([true, false, true]);
  });
});

describe("sound", () => {
  /** Pulses of the test. */
  const TEST = 2 + 3 + 10;
  const TEST_S = 9;

  async function startTest(): Promise<void> {
    screen.getByRole("button", { name: words.turnSoundOn }).click();
    await vi.waitFor(() => expect(speaker.played).toContain(TEST));
    await tick();
    speaker.played.length = 0;
  }

  async function turnOn(): Promise<void> {
    await startTest();
    await live(TEST_S);
    screen.getByRole("button", { name: words.testHeard }).click();
    await tick();
  }

  function soundOff(): HTMLElement | null {
    return screen.queryByRole("region", { name: words.soundOff });
  }

  /** Time passes, and the server proves each second that it lives. */
  async function live(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      await pass(1);
      world.socket.say({ case: "progress", value: { serverClock: T0 } });
    }
  }

  test("is off until a person turns it on and hears the test; the server is told [STATION-20]", async () => {
    await show({ alarms: [alarm({ priority: HIGH })] });
    await live(6);
    expect(soundOff()).not.toBeNull();
    expect(speaker.played).toEqual([]);
    expect(world.socket.presences.at(-1)?.audioArmed).toBe(false);
    await turnOn();
    expect(soundOff()).toBeNull();
    expect(world.socket.presences.at(-1)?.audioArmed).toBe(true);
    expect(screen.getByText(/sound on · tested/)).toBeTruthy();
  });

  test("is turned on by a key as well", async () => {
    await show();
    await press("s");
    await vi.waitFor(() => expect(speaker.played).toEqual([TEST]));
  });

  test("is tested in words, pattern by pattern, and a person says that they heard it [STATION-57]", async () => {
    await show();
    await startTest();
    expect(soundOff()?.textContent).toContain(words.testPlays[AlarmPriority.LOW]);
    await live(2);
    expect(soundOff()?.textContent).toContain(words.testPlays[AlarmPriority.MEDIUM]);
    await live(2);
    expect(soundOff()?.textContent).toContain(words.testPlays[HIGH]);
    expect(screen.queryByRole("button", { name: words.testHeard })).toBeNull();
    await live(5);
    expect(soundOff()?.textContent).toContain(words.testAsks);
    expect(world.socket.presences.at(-1)?.audioArmed).toBe(false);
    expect(document.activeElement?.textContent).toBe(words.testHeard);
    screen.getByRole("button", { name: words.testHeard }).click();
    await tick();
    expect(soundOff()).toBeNull();
    expect(world.socket.presences.at(-1)?.audioArmed).toBe(true);
  });

  test("that a person did not hear is off, and says what to look at [STATION-57]", async () => {
    await show({ alarms: [alarm({ priority: HIGH })] });
    await startTest();
    await live(TEST_S);
    screen.getByRole("button", { name: words.testNotHeard }).click();
    await tick();
    expect(soundOff()?.textContent).toContain(words.testUnheard);
    expect(world.socket.presences.at(-1)?.audioArmed).toBe(false);
    // What may be heard is played all the same.
    await live(1);
    expect(speaker.played).toContain(10);
  });

  test("that is on gives way from its test to an alarm [STATION-57]", async () => {
    await show();
    await turnOn();
    await press("s");
    await vi.waitFor(() => expect(speaker.played).toEqual([TEST]));
    await live(1);
    const { stops } = speaker;
    world.socket.say({ case: "delta", value: delta({ alarms: [alarm({ priority: HIGH })] }) });
    await live(1);
    expect(speaker.stops).toBe(stops + 1);
    expect(speaker.played).toEqual([TEST, 10]);
    expect(screen.queryByRole("region", { name: words.testSound })).toBeNull();
    expect(world.socket.presences.at(-1)?.audioArmed).toBe(true);
  });

  test("whose devices have changed asks for a test", async () => {
    await show();
    await turnOn();
    speaker.ondevices?.();
    await tick();
    expect(screen.getByText(words.devicesChanged)).toBeTruthy();
    expect(soundOff()).toBeNull();
    await press("s");
    await tick();
    expect(screen.queryByText(words.devicesChanged)).toBeNull();
  });

  test("that the browser suspends is off, and the server is told [STATION-20]", async () => {
    await show();
    await turnOn();
    speaker.run(false);
    await tick();
    expect(soundOff()).not.toBeNull();
    expect(world.socket.presences.at(-1)?.audioArmed).toBe(false);
    speaker.run(true);
    await tick();
    expect(soundOff()).toBeNull();
    expect(world.socket.presences.at(-1)?.audioArmed).toBe(true);
  });

  test("that a browser suspends without saying so is noticed within a second [STATION-20]", async () => {
    await show();
    await turnOn();
    speaker.isRunning = false;
    await pass(0.25);
    expect(soundOff()).not.toBeNull();
    expect(world.socket.presences.at(-1)?.audioArmed).toBe(false);
  });

  test("that the browser refuses stays off, and the person is told", async () => {
    await show();
    speaker.isAllowed = false;
    screen.getByRole("button", { name: words.turnSoundOn }).click();
    await vi.waitFor(() => expect(screen.getByRole("alert").textContent).toBe(words.noSoundHere));
    expect(soundOff()).not.toBeNull();
  });

  test("calls for an alarm after the test, and ends when it is acknowledged", async () => {
    await show({ alarms: [alarm({ priority: HIGH })] });
    await turnOn();
    expect(speaker.played).toEqual([10]);
    const { stops } = speaker;
    const acknowledged = alarm({ eventSeq: 2, priority: HIGH, presence: ACKNOWLEDGED });
    world.socket.say({ case: "delta", value: delta({ alarms: [acknowledged] }) });
    expect(speaker.stops).toBe(stops + 1);
    await live(30);
    expect(speaker.played).toEqual([10]);
  });

  test("calls as HIGH when the page does not monitor, until it does again [STATION-21]", async () => {
    await show();
    await turnOn();
    await live(3);
    expect(speaker.played).toEqual([]);
    await pass(5);
    expect(speaker.played).toEqual([10]);
    for (let second = 0; second < 8; second++) await pass(1);
    expect(speaker.played).toEqual([10, 10]);
    await show();
    await live(30);
    expect(speaker.played).toEqual([10, 10]);
  });
});

/** The first press names what will be silent. */
async function pressTwice(button: HTMLElement | undefined): Promise<void> {
  button?.click();
  await tick();
  button?.click();
}

describe("an act", () => {
  test("acknowledges from the tile, at the priority on the screen [STATION-7]", async () => {
    await show({ alarms: [alarm({ priority: HIGH })] });
    await pressTwice(within(tile()).getByRole("button", { name: /^Acknowledge/ }));
    expect(posted[0]).toMatchObject({
      path: "/v1/alarms/7/acknowledge",
      body: { priority: "HIGH" },
    });
  });

  test("acknowledges from the list, once, however often it is pressed before the answer", async () => {
    await show({ alarms: [alarm()] });
    const button = within(listed()[0] as HTMLElement).getByRole("button", { name: /^Acknowledge/ });
    await pressTwice(button);
    await pressTwice(button);
    expect(posted).toHaveLength(1);
  });

  test("is shown as done only when the server says so [STATION-7]", async () => {
    await show({ alarms: [alarm()] });
    await pressTwice(within(tile()).getByRole("button", { name: /^Acknowledge/ }));
    await pass(1);
    expect(tile().className).toMatch(/\bon\b/);
    const acknowledged = alarm({ eventSeq: 2, presence: ACKNOWLEDGED, acknowledgedBy: "anna" });
    world.socket.say({ case: "delta", value: delta({ alarms: [acknowledged] }) });
    await tick();
    expect(tile().className).toContain("acknowledged");
  });

  test("resets what is latched", async () => {
    await show({ alarms: [alarm({ presence: LATCHED, endedAt: T0 - 5 })] });
    within(tile())
      .getByRole("button", { name: /^Reset/ })
      .click();
    expect(posted[0]?.path).toBe("/v1/alarms/7/reset");
  });

  test("pauses the sound of a bed, and ends the pause", async () => {
    await show({ alarms: [alarm()] });
    await pressTwice(screen.getByRole("button", { name: /^Pause/ }));
    expect(posted[0]).toMatchObject({
      path: "/v1/beds/E-01/pause-audio",
      body: { duration_s: 120 },
    });
    await pass(1);
    const state = Inactivation.AUDIO_PAUSED;
    const paused = described({ inactivations: [{ state, until: T0 + 120 }] });
    world.socket.say({ case: "delta", value: delta({ beds: [paused] }) });
    await tick();
    screen.getByRole("button", { name: /^Sound on/ }).click();
    expect(posted[1]?.body).toMatchObject({ duration_s: 0 });
  });

  test("that the server refuses tells the person why [STATION-8]", async () => {
    await show({ alarms: [alarm()] });
    answer = () => Response.json({ error: "the alarm is LATCHED" }, { status: 409 });
    await pressTwice(screen.getAllByRole("button", { name: /^Acknowledge/ })[0]);
    await vi.waitFor(() => {
      expect(screen.getByRole("alert").textContent).toBe("E-01: the alarm is LATCHED");
    });
  });
});

describe("the keyboard", () => {
  test("acknowledges the highest alarm with A and A again", async () => {
    await show({ alarms: [alarm(), alarm({ occurrenceId: "9", priority: HIGH })] });
    await press("a");
    expect(posted).toHaveLength(0);
    expect(screen.getByRole("status").textContent).toContain("Press again");
    await press("a");
    expect(posted[0]?.path).toBe("/v1/alarms/9/acknowledge");
  });

  test("does not take a key that is held down, or one with Ctrl, for a press", async () => {
    await show({ alarms: [alarm()] });
    await press("a");
    await press("a", { repeat: true });
    await press("a", { ctrlKey: true });
    expect(posted).toHaveLength(0);
    await press("Escape");
    await press("a");
    expect(posted).toHaveLength(0);
  });

  test("moves between tiles with the arrows, and acts on the tile it is at", async () => {
    const beds = [described(), described({ number: 2, bed: "E-02" })];
    const other = alarm({ occurrenceId: "9", bed: "E-02" });
    await show({ beds, alarms: [alarm({ priority: HIGH }), other] });
    await press("ArrowRight");
    expect(document.activeElement).toBe(tile("E-01"));
    await press("ArrowRight");
    await press("ArrowDown");
    expect(document.activeElement).toBe(tile("E-02"));
    await press("a");
    await press("a");
    expect(posted[0]?.path).toBe("/v1/alarms/9/acknowledge");
    await press("p");
    await press("p");
    expect(posted[1]?.path).toBe("/v1/beds/E-02/pause-audio");
  });
});

describe("NOT MONITORING", () => {
  async function goDark(): Promise<void> {
    await show({ alarms: [alarm()] });
    await pass(5);
  }

  test("stands in the place of all numbers once the feed was quiet for five seconds [STATION-1]", async () => {
    await show();
    await pass(4.75);
    expect(screen.queryByText(words.notMonitoring)).toBeNull();
    expect(screen.getByText(/QUIET/)).toBeTruthy();
    await pass(0.25);
    expect(screen.getByRole("alert").textContent).toBe(words.notMonitoring);
    expect(screen.queryByRole("article")).toBeNull();
    expect(document.title).toBe(words.notMonitoring);
  });

  test("comes over the page when a laptop wakes", async () => {
    await show();
    world.pass(7200);
    window.dispatchEvent(new Event("focus"));
    await tick();
    expect(screen.getByText(words.notMonitoring)).toBeTruthy();
    expect(screen.getByText(/2:00:00/)).toBeTruthy();
  });

  test("takes no keys", async () => {
    await goDark();
    await press("a");
    await press("a");
    expect(posted).toHaveLength(0);
  });

  test("ends with a new snapshot, and nothing old comes back with it [STATION-2]", async () => {
    await goDark();
    await pass(1);
    await show({
      beds: [described({ number: 2, bed: "E-02" })],
      numerics: [],
      serverClock: T0 + 6,
    });
    expect(screen.queryByText(words.notMonitoring)).toBeNull();
    expect(screen.queryByRole("article", { name: /E-01/ })).toBeNull();
    expect(numeric("HR", "E-02")).toContain("--");
    expect(listed()).toEqual([]);
  });

  test("ends without the waveforms from before: the number of a bed may be another bed's now", async () => {
    const waveforms = [
      create(SampleArrayMetricSchema, { code: 131330, sampleRateHz: 125, scale: 1 }),
    ];
    await show({ beds: [described({ waveforms })] });
    const [before] = station.waves.of(1);
    await pass(5);
    await pass(1);
    await show({ beds: [described({ bed: "E-02", waveforms })] });
    expect(station.waves.of(1)).toHaveLength(1);
    expect(station.waves.of(1)[0]).not.toBe(before);
  });

  test("says to sign in again when the session has ended [STATION-9]", async () => {
    await show();
    world.socket.say({ case: "closing", value: { reason: "the session has ended" } });
    world.socket.end(NO_SESSION);
    await tick();
    expect(screen.getByText(words.signedOut)).toBeTruthy();
    expect(screen.getByText(words.notMonitoring)).toBeTruthy();
    expect(screen.getByText(/the session has ended/)).toBeTruthy();
  });
});

test("before the first snapshot the page says that it connects, and shows no ward", () => {
  expect(screen.getByRole("status").textContent).toBe(words.connecting);
  expect(screen.queryByRole("article")).toBeNull();
});

test("a ward without beds says so", async () => {
  await show({ beds: [], numerics: [] });
  expect(screen.getByText(words.noBeds)).toBeTruthy();
});
