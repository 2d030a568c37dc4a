// Numbers and times as the page's language writes them.

import { words } from "../words";

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;

export const whole = (value: number): string => value.toLocaleString(words.tag);

export const rate = (value: number | null): string =>
  value === null
    ? "–"
    : value.toLocaleString(words.tag, { maximumFractionDigits: value < 10 ? 1 : 0 });

export const percent = (share: number): string =>
  Number.isNaN(share) ? "–" : `${Math.round(share * 100)} %`;

/** How long, to the second below two minutes and to the minute below two hours. */
export function lasting(seconds: number | null): string {
  if (seconds === null) return "–";
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 2 * HOUR_S) return `${Math.round(seconds / 60)} min`;
  return `${rate(seconds / HOUR_S)} h`;
}

/** "24 Nov 14:00", as the language has it. */
export function dayAndTime(unix_s: number): string {
  const at = new Date(unix_s * 1000);
  return words.burdenPage.at(at, timeOfDay(at));
}

const timeOfDay = (at: Date): string =>
  [at.getHours(), at.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");

export function stepWords(seconds: number): string {
  const { minutes, hours, days } = words.burdenPage;
  if (seconds < HOUR_S) return minutes(Math.round(seconds / 60));
  return seconds < DAY_S ? hours(Math.round(seconds / HOUR_S)) : days(Math.round(seconds / DAY_S));
}
