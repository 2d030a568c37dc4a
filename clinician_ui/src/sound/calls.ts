// Which alarms call. A person's act silences an alarm: acknowledged, paused or off. A latched one
// is silent too: its condition has ended, and what is left to do waits on the screen. Sound is
// for what holds.

import { isAcknowledged, isOn } from "../model/alarms";
import { holdingBack, inForce } from "../model/inactivation";
import type { Bed } from "../model/ward";
import { type AlarmEvent, AlarmPriority } from "../wire/rpm_service/v1/alarm_pb";
import type { SoundingPriority } from "./pattern";
import type { Call, Calls } from "./schedule";

/** What may be wrong at any bed cannot be known: it calls as the highest would. */
export const NOT_MONITORING: Calls = {
  sounding: [{ id: "NOT_MONITORING", priority: AlarmPriority.HIGH }],
  silenced: new Set(),
};

export const NO_CALLS: Calls = { sounding: [], silenced: new Set() };

/** What calls at `now`, on the server's clock; `beds` by name. */
export function callsOf(
  alarms: Iterable<AlarmEvent>,
  beds: ReadonlyMap<string, Bed>,
  now: number,
): Calls {
  const sounding: Call[] = [];
  const silenced = new Set<string>();
  for (const alarm of alarms) {
    const id = alarm.occurrenceId;
    if (isAcknowledged(alarm)) silenced.add(id);
    if (!isOn(alarm)) continue;
    const bed = beds.get(alarm.bed);
    const heldBack = bed === undefined ? [] : holdingBack(inForce(bed.description, now), alarm);
    if (heldBack.length > 0) silenced.add(id);
    else sounding.push({ id, priority: soundingPriority(alarm), joins: alarm.noNewBurst });
  }
  return { sounding, silenced };
}

function soundingPriority({ priority }: AlarmEvent): SoundingPriority {
  return priority === AlarmPriority.UNSPECIFIED ? AlarmPriority.LOW : priority;
}
