// Who is at the page: what a wall display shows, and how a locked session is unlocked.

import { cleanup, screen } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Sessions } from "../../src/feed/session";
import { words } from "../../src/words";
import { alarm } from "../support/frames";
import { listed, Page } from "../support/page";

const KIM = { user: "kim", role: "clinician", units: [], locked: false, unlocks_by: "password" };

let known: Record<string, unknown>;
let asked: string[];
let password: string;
let page: Page;

beforeEach(() => {
  vi.useFakeTimers();
  known = { ...KIM };
  asked = [];
  password = "";
});

afterEach(() => {
  page.station.stop();
  cleanup();
  vi.useRealTimers();
});

function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status });
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  await tick();
}

async function open(): Promise<void> {
  const sessions = new Sessions((path, { method, body }) => {
    asked.push(`${String(method)} ${path}`);
    if (path === "/v1/session") return Promise.resolve(json(known));
    if (path === "/v1/session/unlock") {
      password = (JSON.parse(String(body)) as { password: string }).password;
      if (password !== "right") return Promise.resolve(json({ error: "Wrong." }, 403));
      known = { ...known, locked: false };
    }
    const locked = path === "/v1/session/active" && known["locked"] === true;
    return Promise.resolve(new Response(null, { status: locked ? 423 : 204 }));
  });
  page = new Page(sessions);
  await page.show({ alarms: [alarm()] });
  await settle();
}

const times = (what: string): number => asked.filter((each) => each === what).length;

describe("a wall display", () => {
  test("shows no button that acts, and no key acts [SIGNIN-22]", async () => {
    known["role"] = "wall";
    await open();
    expect(screen.getByText(new RegExp(words.wall))).toBeTruthy();
    for (const name of [words.acknowledge, words.accept, words.reject, words.pause])
      expect(screen.queryByRole("button", { name: new RegExp(name) })).toBeNull();
    for (const key of ["a", "a", "g", "c"]) await page.press(key);
    await settle();
    expect(page.posted).toEqual([]);
    expect(screen.getByText(words.wallLooks)).toBeTruthy();
    expect(times("POST /v1/session/active")).toBe(0);
  });

  test("shows its alarms like any page [SIGNIN-22]", async () => {
    known["role"] = "wall";
    await open();
    expect(screen.getAllByText(/SpO₂/).length).toBeGreaterThan(0);
  });

  test("has its alarms in the order of the keyboard, or none could scroll to them [STATION-59]", async () => {
    const order = () => listed().map(({ tabIndex }) => tabIndex);
    await open();
    expect(order()).toEqual([-1]);
    page.station.stop();
    cleanup();
    known["role"] = "wall";
    await open();
    expect(order()).toEqual([0]);
  });
});

describe("a locked session", () => {
  test("is asked to unlock where it acts, and goes on watching [SIGNIN-23]", async () => {
    await open();
    page.done = () => json({ error: "locked" }, 423);
    await page.press("g");
    await settle();
    expect(screen.getByRole("dialog", { name: words.locked })).toBeTruthy();
    expect(screen.getByRole("article", { name: /^Bed E-01/ })).toBeTruthy();
    const field = screen.getByLabelText<HTMLInputElement>(words.passwordOf("kim"));
    const type = async (text: string): Promise<void> => {
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.form?.requestSubmit();
      await settle();
    };
    await type("wrong");
    expect(screen.getByText("Wrong.")).toBeTruthy();
    expect(field.value).toBe("");
    await type("right");
    expect(password).toBe("right");
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  test("of a link is sent to sign in again [SIGNIN-23]", async () => {
    known = { ...KIM, locked: true, unlocks_by: "sign-in" };
    await open();
    screen.getByRole("button", { name: words.lockedShort }).click();
    await settle();
    expect(screen.getByRole("link", { name: words.signIn }).getAttribute("href")).toBe("/sign-in");
  });

  test("is noticed when the page comes to the front [SIGNIN-23]", async () => {
    await open();
    expect(screen.queryByRole("button", { name: words.lockedShort })).toBeNull();
    known["locked"] = true;
    window.dispatchEvent(new Event("focus"));
    await settle();
    expect(screen.getByRole("button", { name: words.lockedShort })).toBeTruthy();
  });
});

describe("a person", () => {
  test("is told of once a minute while keys or the pointer move [SIGNIN-24]", async () => {
    await open();
    for (let second = 0; second < 61; second++) {
      window.dispatchEvent(new Event("pointermove"));
      await page.press("x");
      await page.pass(1);
      page.world.socket.say({ case: "progress", value: {} });
    }
    expect(times("POST /v1/session/active")).toBe(2);
  });

  test("signs out by a button [SIGNIN-24]", async () => {
    await open();
    screen.getByRole("button", { name: words.signOut }).click();
    await settle();
    expect(asked).toContain("POST /sign-out");
  });
});
