// What a voice says of alarms: each once, when it begins to signal, and again when its priority
// rises or its acknowledgement has run out. What is held back is not said.

import type { AlarmEvent } from "../wire/rpm_service/v1/alarm_pb";
import { isOn } from "./alarms";

export interface Announcement {
  /** What signals and has been said. */
  readonly said: ReadonlySet<string>;
  /** What is to be said now, in order. */
  readonly fresh: readonly AlarmEvent[];
}

/** What is to be said of `given`, the alarms in order that are not held back. */
export function announce(said: ReadonlySet<string>, given: readonly AlarmEvent[]): Announcement {
  const on = given.filter(isOn);
  return {
    said: new Set(on.map(saidAs)),
    fresh: on.filter((alarm) => !said.has(saidAs(alarm))),
  };
}

function saidAs({ occurrenceId, priority }: AlarmEvent): string {
  return `${occurrenceId} ${priority}`;
}
