// Who lies in a bed: hidden until a person asks, and hidden again by itself.

import { render, screen } from "@testing-library/svelte";
import { expect, test } from "vitest";

import Patient from "../../src/view/Patient.svelte";
import { AgeClass } from "../../src/wire/rpm_service/v1/monitoring_pb";
import { words } from "../../src/words";
import { T0 } from "../support/frames";
import Wall from "../support/Wall.svelte";

const P1 = { bed: "E-01", patientId: "P1", ageClass: AgeClass.ADULT, now: T0 };

function ask(): void {
  screen.getByRole("button").click();
}

test("an identifier is shown for 8 s to a person who asks for it [STATION-12]", async () => {
  const { rerender, container } = render(Patient, P1);
  expect(container.textContent).not.toContain("P1");
  expect(screen.getByRole("button", { name: words.showPatient("E-01") })).toBeTruthy();
  ask();
  await rerender({ now: T0 + 7.9 });
  expect(container.textContent).toContain("P1 · adult");
  await rerender({ now: T0 + 8 });
  expect(container.textContent).not.toContain("P1");
});

test("is hidden at once by a second press, and where the clock is not known", async () => {
  const { rerender, container } = render(Patient, P1);
  ask();
  ask();
  await rerender({});
  expect(container.textContent).not.toContain("P1");
  ask();
  await rerender({ now: NaN });
  expect(container.textContent).not.toContain("P1");
});

test("is not shown of the next patient because it was asked of the one before [STATION-12]", async () => {
  const { rerender, container } = render(Patient, P1);
  ask();
  await rerender({ patientId: "P2", now: T0 + 1 });
  expect(container.textContent).not.toContain("P2");
});

test("a wall display has dots and nothing to press [STATION-12]", () => {
  const { container } = render(Wall, P1);
  expect(container.textContent).toContain("••••");
  expect(screen.queryByRole("button")).toBeNull();
});

test("an empty bed has nothing to ask for", () => {
  render(Patient, { ...P1, patientId: "" });
  expect(screen.queryByRole("button")).toBeNull();
});
