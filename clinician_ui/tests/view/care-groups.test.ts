// The filter of the ward by unit and care group, as a person meets it.

import { cleanup, screen } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { words } from "../../src/words";
import { described, numerics } from "../support/frames";
import { Page } from "../support/page";

const BEDS = [
  described({ careGroups: ["Team A"] }),
  described({ number: 2, bed: "E-02", deviceId: "monitor-2", careGroups: ["Team A", "Team B"] }),
  described({ number: 3, bed: "E-03", deviceId: "monitor-3" }),
];
const NUMERICS = [1, 2, 3].map((number) => numerics(number, [72, 98]));

let page: Page;

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  page = new Page();
});

afterEach(() => {
  page.station.stop();
  localStorage.clear();
  vi.useRealTimers();
});

function filter(name: string): HTMLSelectElement {
  return screen.getByRole<HTMLSelectElement>("combobox", { name });
}

function beds(): string[] {
  return screen
    .getAllByRole("article", { name: /^Bed / })
    .map((each) => each.dataset["bed"] as string);
}

async function choose(option: string): Promise<void> {
  const select = filter(words.unitOrCareGroup);
  const wanted = screen.getByRole<HTMLOptionElement>("option", { name: option });
  select.value = wanted.value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
  await tick();
}

test("a care group is chosen beside its unit, and is so when the page is opened again [STATION-63]", async () => {
  await page.show({ beds: BEDS, numerics: NUMERICS });
  const offered = [...filter(words.unitOrCareGroup).options].map(({ text }) => text.trim());
  expect(offered).toEqual([
    words.allUnits,
    "ICU East",
    words.careGroup("ICU East", "Team A"),
    words.careGroup("ICU East", "Team B"),
  ]);
  await choose(words.careGroup("ICU East", "Team A"));
  expect(beds()).toEqual(["E-01", "E-02"]);
  expect(screen.getByText(words.notShown(1))).toBeDefined();

  page.station.stop();
  cleanup();
  page = new Page();
  await page.show({ beds: BEDS, numerics: NUMERICS });
  expect(beds()).toEqual(["E-01", "E-02"]);
  expect(filter(words.unitOrCareGroup).selectedOptions[0]?.text.trim()).toBe(
    words.careGroup("ICU East", "Team A"),
  );

  await choose("ICU East");
  expect(beds()).toEqual(["E-01", "E-02", "E-03"]);
});

test("everything is shown again with one press, its care group too [STATION-63]", async () => {
  await page.show({ beds: BEDS, numerics: NUMERICS });
  await choose(words.careGroup("ICU East", "Team B"));
  expect(beds()).toEqual(["E-02"]);
  screen.getByRole("button", { name: words.showAll }).click();
  await tick();
  expect(beds()).toEqual(["E-01", "E-02", "E-03"]);
});

test("a ward of one unit without care groups offers nothing to choose [STATION-63]", async () => {
  await page.show();
  expect(screen.queryByRole("combobox", { name: words.unit })).toBeNull();
  expect(screen.queryByRole("combobox", { name: words.unitOrCareGroup })).toBeNull();
});
