import { expect, test } from "vitest";

import {
  CONFIRMED_AT_ONCE_MAX,
  type Deliveries,
  drawn,
  NO_DELIVERIES,
  told,
  toldAnew,
} from "../../src/feed/delivery";
import { alarm } from "../support/frames";

const first = alarm({ occurrenceId: "7", eventSeq: 1 });
const second = alarm({ occurrenceId: "7", eventSeq: 2 });
const other = alarm({ occurrenceId: "9", eventSeq: 4 });

function said(deliveries: Deliveries): string[][] {
  return drawn(deliveries).frames.map((events) =>
    events.map(({ occurrenceId, eventSeq }) => `${occurrenceId}.${eventSeq}`),
  );
}

test("every event of a delta is confirmed once it is drawn, in one frame [STATION-14]", () => {
  expect(said(told(NO_DELIVERIES, [first, second]))).toEqual([["7.1", "7.2"]]);
});

test("nothing is said twice over one connection", () => {
  const { deliveries } = drawn(told(NO_DELIVERIES, [first]));
  expect(said(deliveries)).toEqual([]);
  expect(said(told(deliveries, [second]))).toEqual([["7.2"]]);
});

test("a frame has no more events than the contract allows", () => {
  const many = Array.from({ length: CONFIRMED_AT_ONCE_MAX + 1 }, (_, seq) =>
    alarm({ eventSeq: seq + 1 }),
  );
  expect(said(told(NO_DELIVERIES, many)).map((frame) => frame.length)).toEqual([256, 1]);
});

test("what was confirmed on a connection that died is said again on the next [STATION-14]", () => {
  const { deliveries } = drawn(told(NO_DELIVERIES, [first]));
  const waiting = told(deliveries, [second]);
  expect(said(toldAnew(waiting, [other]))).toEqual([["7.1", "7.2", "9.4"]]);
});

test("what waits and what is repeated are bounded, the newest stays", () => {
  let deliveries = NO_DELIVERIES;
  for (let seq = 1; seq <= 5000; seq++) deliveries = told(deliveries, [alarm({ eventSeq: seq })]);
  expect(deliveries.waiting).toHaveLength(4096);
  expect(deliveries.waiting.at(-1)?.eventSeq).toBe(5000);
  expect(drawn(deliveries).deliveries.confirmed).toHaveLength(256);
});
