import { expect, test } from "vitest";

import { RETRY_S_FIRST, RETRY_S_MAX, retryDelay_s } from "../../src/feed/backoff";

test("the wait doubles up to its greatest", () => {
  const waits = [1, 2, 3, 4, 5, 50].map((failures) => retryDelay_s(failures, 0));
  expect(waits).toEqual([RETRY_S_FIRST, 1, 2, 4, RETRY_S_MAX, RETRY_S_MAX]);
});

test("jitter takes away up to half, never all [STATION-10]", () => {
  expect(retryDelay_s(3, 0.5)).toBe(1.5);
  expect(retryDelay_s(3, 1)).toBe(1);
});
