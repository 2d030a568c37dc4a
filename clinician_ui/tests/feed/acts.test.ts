import { afterEach, expect, test, vi } from "vitest";

import { ActRefused, Acts, type Post } from "../../src/feed/acts";
import { Sessions } from "../../src/feed/session";
import { AlarmPriority } from "../../src/wire/rpm_service/v1/alarm_pb";
import { words } from "../../src/words";
import { alarm } from "../support/frames";

interface Sent {
  path: string;
  method: string | undefined;
  body: Record<string, unknown>;
}

/** Acts whose server gives these answers, in turn; an Error is no answer at all. */
function acts(...answers: (Response | Error)[]): { acts: Acts; sent: Sent[] } {
  const sent: Sent[] = [];
  const post: Post = (path, { method, body }) => {
    sent.push({ path, method, body: JSON.parse(String(body)) as Record<string, unknown> });
    const answer = answers.shift() ?? new Response(null, { status: 204 });
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { acts: new Acts(post), sent };
}

afterEach(() => vi.unstubAllGlobals());

test("an acknowledgement names the occurrence and the priority on the screen", async () => {
  const { acts: done, sent } = acts();
  await done.acknowledge(alarm({ priority: AlarmPriority.HIGH }));
  expect(sent).toEqual([
    {
      path: "/v1/alarms/7/acknowledge",
      method: "POST",
      body: { priority: "HIGH", idempotency_key: expect.stringMatching(/^.{1,64}$/) as string },
    },
  ]);
});

test("a reset names the occurrence", async () => {
  const { acts: done, sent } = acts();
  await done.reset(alarm());
  expect(sent[0]?.path).toBe("/v1/alarms/7/reset");
  expect(Object.keys(sent[0]?.body ?? {})).toEqual(["idempotency_key"]);
});

test("a pause names the bed, whatever is in its name", async () => {
  const { acts: done, sent } = acts();
  await done.pauseAudio("ward 3/bed ü?", 120);
  expect(sent[0]?.path).toBe("/v1/beds/ward%203%2Fbed%20%C3%BC%3F/pause-audio");
  expect(sent[0]?.body).toMatchObject({ duration_s: 120 });
});

test("an act without an answer may have been done: pressed again, it is the same act [STATION-8]", async () => {
  const { acts: done, sent } = acts(new TypeError("network"));
  await expect(done.acknowledge(alarm())).rejects.toThrow(words.noAnswer);
  await done.acknowledge(alarm());
  await done.acknowledge(alarm());
  const [first, again, later] = sent.map(({ body }) => body["idempotency_key"]);
  expect(again).toBe(first);
  expect(later).not.toBe(first);
});

test("a refusal tells the server's reason", async () => {
  const { acts: done } = acts(Response.json({ error: "the alarm is LATCHED" }, { status: 409 }));
  await expect(done.acknowledge(alarm())).rejects.toThrow(new ActRefused("the alarm is LATCHED"));
});

test("a refusal that is not in our server's words tells its status", async () => {
  const { acts: done } = acts(new Response("<h1>Bad Gateway</h1>", { status: 502 }));
  await expect(done.reset(alarm())).rejects.toThrow(words.refused(502));
});

test("without a session an act says to sign in again", async () => {
  const { acts: done } = acts(Response.json({ error: "not signed in" }, { status: 401 }));
  await expect(done.reset(alarm())).rejects.toThrow(words.signedOut);
});

test("the session's user is who is signed in; null where nobody is", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ user: "anna" })));
  expect((await new Sessions().look())?.user).toBe("anna");
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(null, { status: 401 })));
  expect(await new Sessions().look()).toBeNull();
});
