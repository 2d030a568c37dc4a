// The whole page before a made-up server, for tests that look at it as a person does.

import { render, screen, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { vi } from "vitest";

import { Acts } from "../../src/feed/acts";
import type { Sessions } from "../../src/feed/session";
import { Station } from "../../src/station.svelte";
import StationView from "../../src/view/Station.svelte";
import { words } from "../../src/words";
import { delta, described, numerics, snapshot } from "./frames";
import { FakeSpeaker } from "./speaker";
import { FakeWorld } from "./world";

const TICK_MS = 250;

export interface Posted {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

export class Page {
  readonly world = new FakeWorld();
  readonly speaker = new FakeSpeaker();
  readonly posted: Posted[] = [];
  readonly station: Station;
  /** What the page asked the server for, and what the server has to say to it. */
  readonly got: string[] = [];
  answer: (path: string) => Response = (path) =>
    Response.json(
      /limits\b/.test(path) ? [] : { events: [], next_before: null, scores: [], metrics: [] },
    );

  /** What the server answers to an act. */
  done = (): Response => new Response(null, { status: 204 });

  /** Needs fake timers. */
  constructor(sessions: Sessions | null = null) {
    const acts = new Acts((path, { body }) => {
      this.posted.push({ path, body: JSON.parse(String(body)) as Record<string, unknown> });
      return Promise.resolve(this.done());
    });
    vi.stubGlobal("fetch", (path: string) => {
      this.got.push(path);
      return Promise.resolve(this.answer(path));
    });
    // The address outlives the page of the test before.
    history.replaceState(null, "", "#/");
    this.station = new Station(this.world, acts, this.speaker, sessions);
    render(StationView, { station: this.station });
    this.station.start();
    this.world.socket.open();
  }

  /** The server shows the ward; its clock is T0 now. */
  async show(init: Parameters<typeof snapshot>[0] = {}): Promise<void> {
    const whole = { beds: [described()], numerics: [numerics(1, [72, 98])], ...init };
    this.world.socket.say({ case: "snapshot", value: snapshot(whole) });
    await tick();
  }

  async change(init: Parameters<typeof delta>[0]): Promise<void> {
    this.world.socket.say({ case: "delta", value: delta(init) });
    await tick();
  }

  async pass(seconds: number): Promise<void> {
    this.world.pass(seconds);
    vi.advanceTimersByTime(TICK_MS);
    await tick();
  }

  /** Lets what was asked for arrive. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    await tick();
  }

  async press(key: string): Promise<void> {
    const target = document.activeElement ?? document.body;
    target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await tick();
    await Promise.resolve();
  }
}

export function tile(bed = "E-01"): HTMLElement {
  return screen.getByRole("article", { name: new RegExp(`^Bed ${bed}`) });
}

/** What an element says, blanks evened out. */
export function said(element: Element | null | undefined): string {
  return (element?.textContent ?? "").replace(/\s+/g, " ").trim();
}

export function listed(): HTMLElement[] {
  const list = screen.getByRole("region", { name: words.activeAlarms });
  return within(list).queryAllByRole("listitem");
}

/** Chooses or types, as a person does. */
export async function fill(place: HTMLElement, label: string | RegExp, value: string) {
  const field = within(place).getByLabelText<HTMLInputElement | HTMLSelectElement>(label);
  if (field instanceof HTMLSelectElement) {
    const option = [...field.options].find(({ textContent }) => textContent === value);
    if (option === undefined) throw new Error(`${String(label)} offers no ${value}`);
    // happy-dom does not know `option:checked`, by which Svelte reads a choice.
    vi.spyOn(field, "querySelector").mockReturnValue(option);
  } else {
    field.value = value;
  }
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
  await tick();
}
