// Every word the page says, in one place. Kept apart from what is drawn, so that a clinician can
// proof-read the station in one reading, and a translator has one file.

import { type AlarmEvent, AlarmPriority } from "./wire/rpm_service/v1/alarm_pb";
import { AgeClass, type MetricDescription } from "./wire/rpm_service/v1/monitoring_pb";

export const words = {
  station: "Central station",
  live: "LIVE",
  quiet: "QUIET",
  soundOff: "SOUND OFF",
  soundOffMeans: "This page calls nobody, and covers no bed.",
  turnSoundOn: "Turn sound on",
  soundOn: (testedAt: string) => `sound on · tested ${testedAt}`,
  testSound: "Test sound",
  noSoundHere: "The browser gave no sound. Look at its settings for this page, and try again.",
  connecting: "Connecting to the server …",
  technical: "technical",
  activeAlarms: "Active alarms",
  noAlarms: "No active alarm",
  noBeds: "No bed is being monitored. A tile appears here when a device connects.",
  acknowledge: "Acknowledge",
  reset: "Reset",
  pause: "Pause 2:00",
  endPause: "Sound on",
  ended: "ended",
  latchedAt: (time: string) => `ended ${time}, reset to clear`,
  notAcknowledged: "not acknowledged",
  noSignal: "NO SIGNAL",
  connectionLost: "connection lost",
  standby: "standby",
  limits: "limits",
  now: "now",
  missing: "missing",
  invalid: "invalid",
  noCurrentValue: "no current value",
  never: "never",
  notMonitoring: "NOT MONITORING",
  hidden: "Numbers are hidden. Watch the bedside monitors.",
  signedOut: "You are signed out. Open a new sign-in link to watch again.",
  noAnswer: "The server did not answer: it may not have been done. Try again.",
  refused: (status: number) => `The server refused (HTTP ${status}).`,
  confirmKey: (alarm: string) => `Press A again to acknowledge ${alarm}`,
  nothingToAcknowledge: "No alarm waits to be acknowledged.",
  silentFor: (silent: string) => `No data from the server for ${silent}.`,
  lastAt: (time: string) => `Last at ${time}.`,
  tryingAgain: (attempt: number) => `Trying again (${attempt}) …`,
  serverSaid: (reason: string) => `The server said: ${reason}`,
  lastSample: (time: string) => `last ${time}`,
  soundPaused: "sound paused",
  audioPaused: (left: string) => `sound paused ${left}`,
  acknowledgedBy: (who: string, time: string) => `acknowledged by ${who} ${time}`,
  soundsAgain: (left: string) => `sounds again in ${left}`,
} as const;

const SYMBOL: Record<AlarmPriority, string> = {
  [AlarmPriority.HIGH]: "!!!",
  [AlarmPriority.MEDIUM]: "!!",
  [AlarmPriority.LOW]: "!",
  [AlarmPriority.UNSPECIFIED]: "!",
};

const PRIORITY: Record<AlarmPriority, string> = {
  [AlarmPriority.HIGH]: "high priority",
  [AlarmPriority.MEDIUM]: "medium priority",
  [AlarmPriority.LOW]: "low priority",
  [AlarmPriority.UNSPECIFIED]: "priority not stated",
};

const AGE_CLASS: Record<AgeClass, string> = {
  [AgeClass.UNSPECIFIED]: "",
  [AgeClass.ADULT]: "adult",
  [AgeClass.PAEDIATRIC]: "child",
  [AgeClass.NEONATAL]: "neonate",
};

const UNITS: Record<string, string> = {
  "mm[Hg]": "mmHg",
  Cel: "°C",
  uV: "µV",
  Ohm: "Ω",
  "1": "",
};

const PRESSURE_PARTS: Record<string, string> = { s: "systolic", d: "diastolic", m: "mean" };

/** Technical conditions; METRIC stands for the metric concerned. */
const TECHNICAL: Record<string, string> = {
  CONNECTION_LOST: words.connectionLost,
  DEVICE_CLOCK_OFF: "device clock off",
  METRIC_MISSING: "METRIC signal missing",
  METRIC_STALE: "METRIC not updated",
  INVALID_SIGNAL: "METRIC signal invalid",
};

export const prioritySymbol = (priority: AlarmPriority): string => SYMBOL[priority];
export const priorityWords = (priority: AlarmPriority): string => PRIORITY[priority];
export const ageClassWords = (ageClass: AgeClass): string => AGE_CLASS[ageClass];
export const unitWords = (ucum: string): string => UNITS[ucum] ?? ucum;

/** A metric's name as people write it: SpO₂, NIBP systolic. */
export function metricWords(name: string): string {
  const pressure = /^([A-Z]+)([sdm])( \d+)?$/.exec(name);
  if (pressure !== null) {
    const [, site = "", part = "", instance = ""] = pressure;
    return `${site} ${PRESSURE_PARTS[part]}${instance}`;
  }
  return name.replace("O2", "O₂");
}

/**
 * What an alarm is about, in a few characters: "SpO₂ 84 < 85", "connection lost".
 *
 * `live` is the metric's current value, if there is one: where it is beyond the limit too, it
 * is what people see beside these words, so the words follow it.
 */
export function alarmText(alarm: AlarmEvent, live?: number, decimals?: number): string {
  const { limit } = alarm;
  const low = isLow(alarm);
  const candidates = [alarm.endedAt === undefined ? live : undefined, alarm.value, alarm.extreme];
  const value = candidates.find(
    (each) => each !== undefined && limit !== undefined && (low ? each < limit : each > limit),
  );
  const shown = value === undefined ? "" : ` ${brief(value, decimals)}`;
  return conditionText(alarm, `${shown} ${low ? "<" : ">"} `, decimals);
}

/** An alarm for a voice, without its value: what moves is not said again and again. */
export function alarmSpoken(alarm: AlarmEvent): string {
  const text = conditionText(alarm, isLow(alarm) ? " below " : " above ");
  return `${alarm.bed} ${text}, ${priorityWords(alarm.priority)}`;
}

function conditionText(alarm: AlarmEvent, relation: string, decimals?: number): string {
  if (alarm.text !== "") return alarm.text;
  const metric = metricWords(alarm.metric);
  if (alarm.limit !== undefined) return metric + relation + brief(alarm.limit, decimals);
  const technical = TECHNICAL[alarm.condition];
  if (technical !== undefined) return technical.replace("METRIC", metric).trim();
  // A condition that this page does not know: its code in plain letters.
  return `${metric} ${alarm.condition.replaceAll("_", " ").toLowerCase()}`.trim();
}

function isLow(alarm: AlarmEvent): boolean {
  return alarm.condition.endsWith("_LOW");
}

/** The page's title in the browser's tab: how many alarms, and how bad the worst is. */
export function pageTitle(station: string, ordered: readonly AlarmEvent[]): string {
  const [worst] = ordered;
  if (worst === undefined) return station;
  return `(${ordered.length}) ${prioritySymbol(worst.priority)} ${worst.bed} · ${station}`;
}

/** The furthest value of the occurrence: "lowest 82"; empty where there is none. */
export function extremeText(alarm: AlarmEvent): string {
  if (alarm.extreme === undefined) return "";
  return `${isLow(alarm) ? "lowest" : "highest"} ${brief(alarm.extreme)}`;
}

/** A number with the digits of its metric; without them, no more than it needs. */
function brief(value: number, decimals?: number): string {
  return decimals === undefined ? String(Number(value.toFixed(2))) : value.toFixed(decimals);
}

/** Both limits as people write them, "120/50", high first; empty where there are none. */
export function limitsText({ limits, decimals }: MetricDescription): string {
  const { low, high } = nearestLimits(limits);
  if (low === undefined && high === undefined) return "";
  const side = (value: number | undefined): string =>
    value === undefined ? "–" : brief(value, decimals);
  return `${side(high)}/${side(low)}`;
}

/** The limits that are crossed first: MEDIUM where set, else HIGH. */
function nearestLimits(limits: MetricDescription["limits"]): {
  low: number | undefined;
  high: number | undefined;
} {
  return {
    low: limits?.low ?? limits?.extremeLow,
    high: limits?.high ?? limits?.extremeHigh,
  };
}

/** A patient without a name: dots where somebody was admitted, and the age class. */
export function patientWords(patientId: string, ageClass: AgeClass): string {
  return [patientId === "" ? "" : "••••", ageClassWords(ageClass)].filter(Boolean).join(" · ");
}

const two = (value: number): string => String(value).padStart(2, "0");

/** Unix seconds as local time of day, "14:27:36". */
export function clockTime(unix_s: number): string {
  if (!Number.isFinite(unix_s) || unix_s <= 0) return words.never;
  const at = new Date(unix_s * 1000);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
}

/** A span of time, "0:42" or "1:02:10"; never below zero. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds)) || 0;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  if (hours === 0) return `${minutes}:${two(whole % 60)}`;
  return `${hours}:${two(minutes)}:${two(whole % 60)}`;
}

/** Below this age a value is "now": devices measure once a second, and what flickers is not read. */
const NOW_S = 2.5;

/** How old a value is: "now", "4 s" or "12 min"; "?" where that is not known. */
export function ageText(age_s: number): string {
  if (Number.isNaN(age_s)) return "?";
  if (age_s < NOW_S) return words.now;
  if (age_s < 60) return `${Math.floor(age_s)} s`;
  if (age_s < 2 * 3600) return `${Math.floor(age_s / 60)} min`;
  return `${Math.floor(age_s / 3600)} h`;
}
