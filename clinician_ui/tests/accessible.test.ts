// Every page through axe-core, as far as it can be judged without being drawn: colours and sizes
// are judged in a browser, by tests/browser/test_accessible.py.

import { create } from "@bufbuild/protobuf";
import axe from "axe-core";
import { screen } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { AlarmPresence, AlarmPriority, Inactivation } from "../src/wire/rpm_service/v1/alarm_pb";
import { BedInactivationSchema } from "../src/wire/rpm_service/v1/monitoring_pb";
import { words } from "../src/words";
import { alarm, described, numerics, T0 } from "./support/frames";
import { told } from "./support/journal";
import { Page } from "./support/page";

let page: Page;

beforeEach(() => {
  vi.useFakeTimers();
  page = new Page();
  page.answer = () => Response.json({ events: [told()], next_before: 7 });
});

afterEach(() => {
  page.station.stop();
  vi.useRealTimers();
});

async function violations(): Promise<string[]> {
  vi.useRealTimers();
  const { violations } = await axe.run(document, {
    rules: { "color-contrast": { enabled: false }, "target-size": { enabled: false } },
  });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

async function eventful(): Promise<void> {
  const off = { state: Inactivation.ALARM_OFF, metric: "HR", by: "bo", since: T0, reason: "x" };
  await page.show({
    beds: [
      described({ covered: false, inactivations: [create(BedInactivationSchema, off)] }),
      described({ number: 2, bed: "E-02" }),
    ],
    numerics: [numerics(1, [72, 84]), numerics(2, [0, 98])],
    alarms: [
      alarm({ priority: AlarmPriority.HIGH }),
      alarm({ occurrenceId: "2", bed: "E-02", condition: "ASYSTOLE", metric: "HR" }),
      alarm({ occurrenceId: "3", condition: "HR_HIGH", presence: AlarmPresence.LATCHED }),
    ],
  });
}

async function open(address: string): Promise<void> {
  history.replaceState(null, "", address);
  window.dispatchEvent(new PopStateEvent("popstate"));
  await vi.dynamicImportSettled();
  await vi.advanceTimersByTimeAsync(1000);
  await tick();
}

describe("axe finds nothing [STATION-59]", () => {
  test.each(["#/", "#/bed/E-01", "#/alarms", "#/burden"])("at %s, with alarms", async (address) => {
    await eventful();
    await open(address);
    await page.press("a");
    expect(await violations()).toEqual([]);
  });

  test("in the help", async () => {
    await eventful();
    screen.getByRole("button", { name: words.help }).click();
    await tick();
    expect(await violations()).toEqual([]);
  });

  test("where nothing is monitored", async () => {
    await eventful();
    await page.pass(6);
    expect(screen.getByText(words.notMonitoring)).toBeTruthy();
    expect(await violations()).toEqual([]);
  });
});
