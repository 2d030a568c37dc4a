// The banner and the keyboard, as a person uses them on any page.

import { create } from "@bufbuild/protobuf";
import { screen, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { KEYS } from "../../src/keys";
import {
  AlarmKind,
  AlarmPresence,
  AlarmPriority,
  Inactivation,
} from "../../src/wire/rpm_service/v1/alarm_pb";
import { BedInactivationSchema } from "../../src/wire/rpm_service/v1/monitoring_pb";
import { words } from "../../src/words";
import { alarm, described, T0 } from "../support/frames";
import { listed, Page, said, tile } from "../support/page";

const { HIGH } = AlarmPriority;
const PAGES = ["#/", "#/bed/E-01", "#/alarms", "#/burden"];

let page: Page;

beforeEach(() => {
  vi.useFakeTimers();
  page = new Page();
});

afterEach(() => {
  page.station.stop();
  vi.useRealTimers();
});

const banner = () => screen.getByRole("region", { name: words.highestAlarm });
const asked = () => said(within(banner()).getByRole("status"));
const voice = () => said(document.querySelector("[aria-live=assertive]"));

async function open(address: string): Promise<void> {
  history.replaceState(null, "", address);
  window.dispatchEvent(new PopStateEvent("popstate"));
  await tick();
}

function offAt(bed: string) {
  const off = create(BedInactivationSchema, { state: Inactivation.ALARM_OFF, since: T0 });
  return described({ bed, inactivations: [off] });
}

describe("the banner", () => {
  test.each(PAGES)(
    "says the highest alarm at %s, and leads to its bed [STATION-52]",
    async (at) => {
      await page.show({ alarms: [alarm(), alarm({ occurrenceId: "9", priority: HIGH })] });
      await open(at);
      await page.pass(2);
      const link = within(banner()).getByRole("link");
      expect(said(link)).toBe("!!! E-01 SpO₂ 88 < 90 high priority 0:02");
      expect(link.className).toContain("high");
      expect(link.getAttribute("href")).toBe("#/bed/E-01");
      await page.press("b");
      expect(page.station.route).toEqual({ page: "bed", bed: "E-01" });
    },
  );

  test.each(PAGES)("keeps its place at %s while all is calm [STATION-52]", async (at) => {
    await page.show();
    await open(at);
    expect(said(banner())).toBe(words.calm);
    expect(within(banner()).queryByRole("link")).toBeNull();
  });

  test("of an alarm whose bed is not in view leads to the list", async () => {
    await page.show({ alarms: [alarm({ bed: "server", condition: "STORAGE_DEGRADED" })] });
    expect(within(banner()).getByRole("link").getAttribute("href")).toBe("#/alarms");
  });

  test("speaks of what signals before what is held back or acknowledged, and fills only that", async () => {
    const beds = [offAt("E-01"), described({ number: 2, bed: "E-02" })];
    const held = alarm({ priority: HIGH });
    const other = alarm({ occurrenceId: "9", bed: "E-02", metric: "HR" });
    await page.show({ beds, alarms: [held, other] });
    expect(said(within(banner()).getByRole("link"))).toContain("E-02");
    await page.change({ alarms: [{ ...other, eventSeq: 2, presence: AlarmPresence.OFF }] });
    const link = within(banner()).getByRole("link");
    expect(said(link)).toContain("E-01");
    expect(link.className).toContain("quiet");
  });
});

describe("a voice", () => {
  test("hears of a new alarm, and not again of one that is now the highest [STATION-56]", async () => {
    await page.show();
    expect(voice()).toBe("");
    await page.change({ alarms: [alarm()] });
    expect(voice()).toBe("E-01 SpO₂ below 90, medium priority");
    const high = alarm({ occurrenceId: "9", priority: HIGH });
    await page.change({ alarms: [high] });
    expect(voice()).toBe("E-01 SpO₂ below 90, high priority");
    await page.change({ alarms: [{ ...high, eventSeq: 2, presence: AlarmPresence.OFF }] });
    expect(voice()).toBe("E-01 SpO₂ below 90, high priority");
  });

  test("hears of several at once as the first and how many more", async () => {
    await page.show({ alarms: [alarm(), alarm({ occurrenceId: "9", priority: HIGH })] });
    expect(voice()).toBe(words.alarmsSpoken("E-01 SpO₂ below 90, high priority", 1));
  });

  test("hears nothing of what is held back [STATION-56]", async () => {
    await page.show({ beds: [offAt("E-01")], alarms: [alarm({ priority: HIGH })] });
    expect(voice()).toBe("");
    await page.change({ beds: [described()] });
    expect(voice()).toContain("E-01");
  });
});

describe("an act that silences", () => {
  test("is named by the first press, and done by the second at the same place [STATION-53]", async () => {
    await page.show({ alarms: [alarm()] });
    const button = within(listed()[0] as HTMLElement).getByRole("button", { name: /Acknowledge/ });
    button.click();
    await tick();
    expect(page.posted).toEqual([]);
    expect(asked()).toBe(words.confirmAcknowledge("E-01 SpO₂ 88 < 90"));
    expect(said(button)).toContain(words.again);
    expect(button.isConnected).toBe(true);
    button.click();
    expect(page.posted[0]?.path).toBe("/v1/alarms/7/acknowledge");
    await tick();
    expect(asked()).toBe("");
  });

  test("waits 5 s for the second press [STATION-53]", async () => {
    await page.show({ alarms: [alarm()] });
    await page.press("a");
    page.world.socket.say({ case: "progress", value: { serverClock: T0 } });
    await page.pass(4);
    page.world.socket.say({ case: "progress", value: { serverClock: T0 + 4 } });
    expect(asked()).not.toBe("");
    await page.pass(1.1);
    expect(asked()).toBe("");
    await page.press("a");
    expect(page.posted).toEqual([]);
  });

  test("pauses a bed by P twice; what is pressed in between is another first press [STATION-53]", async () => {
    await page.show({ alarms: [alarm()] });
    await page.press("p");
    expect(page.station.trouble).toBe(words.noBedChosen);
    await page.press("ArrowRight");
    await page.press("p");
    expect(asked()).toBe(words.confirmPause("E-01"));
    await page.press("a");
    await page.press("p");
    expect(page.posted).toEqual([]);
    await page.press("p");
    expect(page.posted[0]?.path).toBe("/v1/beds/E-01/pause-audio");
  });
});

test("what is off for long is a reminder, shown and sounded where all else is off [STATION-61]", async () => {
  const reminder = { kind: AlarmKind.TECHNICAL, priority: AlarmPriority.LOW, limit: undefined };
  await page.show({
    beds: [offAt("E-01")],
    alarms: [alarm({ ...reminder, condition: "ALARMS_OFF", metric: "" })],
  });
  expect(said(listed()[0])).toContain("! E-01 reminder: alarm signals are off here");
  expect(said(within(banner()).getByRole("link"))).toContain("reminder");
  expect(voice()).toContain("reminder");
  await page.station.turnSoundOn();
  for (let second = 0; second < 10; second++) {
    await page.pass(1);
    page.world.socket.say({ case: "progress", value: { serverClock: T0 } });
  }
  expect(page.speaker.played).toEqual([15, 2]);
});

describe("a person who cannot go", () => {
  test("says so with C, or at the alarm, and is not asked again [STATION-54]", async () => {
    await page.show({ alarms: [alarm(), alarm({ occurrenceId: "9", priority: HIGH })] });
    await page.press("c");
    expect(page.posted[0]).toMatchObject({
      path: "/v1/alarms/9/responsibility",
      body: { accepted: false },
    });
    screen.getAllByRole("button", { name: /^I cannot go/ })[1]?.click();
    expect(page.posted[1]).toMatchObject({ path: "/v1/alarms/7/responsibility" });
  });
});

describe("the keyboard", () => {
  test("is documented by the table that handles it, in a dialog that Esc closes [STATION-55]", async () => {
    await page.show();
    tile().focus();
    await page.press("?");
    const help = screen.getByRole("dialog", { name: words.help });
    for (const { does } of KEYS) expect(said(help)).toContain(does());
    expect(said(help)).toContain(words.soundUnknown);
    within(help).getByRole("button", { name: words.close }).click();
    await tick();
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(document.activeElement).toBe(tile());
  });

  test("acts on nothing behind the dialog [STATION-55]", async () => {
    await page.show({ alarms: [alarm()] });
    screen.getByRole("button", { name: words.help }).click();
    await tick();
    await page.press("g");
    await page.press("a");
    await page.press("a");
    expect(page.posted).toEqual([]);
  });

  test("goes to the limits of the bed in hand with L", async () => {
    await page.show();
    await page.press("ArrowRight");
    await page.press("l");
    expect(page.station.route).toEqual({ page: "bed", bed: "E-01" });
  });

  test("walks the list of alarms, and acts on the one in focus [STATION-55]", async () => {
    await page.show({ alarms: [alarm(), alarm({ occurrenceId: "9", priority: HIGH })] });
    await open("#/alarms");
    await page.press("ArrowDown");
    await page.press("ArrowDown");
    expect(document.activeElement).toBe(listed()[1]);
    await page.press("g");
    expect(page.posted[0]?.path).toBe("/v1/alarms/7/responsibility");
    await page.press("Enter");
    expect(page.station.route).toEqual({ page: "bed", bed: "E-01" });
  });

  test("skips to the page", async () => {
    await page.show();
    screen.getByRole("button", { name: words.skip }).click();
    expect(document.activeElement).toBe(screen.getByRole("main"));
  });
});
