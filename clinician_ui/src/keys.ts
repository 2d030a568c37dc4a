// The keyboard: one table that both handles the keys and documents them. No key does anything
// while a person types, and none acts while it is held down.

import { tick } from "svelte";

import type { Station } from "./station.svelte";
import type { AlarmEvent } from "./wire/rpm_service/v1/alarm_pb";
import { words } from "./words";

/** What a key is meant for, as the focus says. */
export interface Hand {
  readonly station: Station;
  /** The bed of the page, or of the tile or alarm with the focus. */
  readonly bed: string | undefined;
  /** The alarm with the focus, else those of the bed, else all; in order. */
  readonly alarms: readonly AlarmEvent[];
  /** Leaves what is open, or the page. */
  back(): void;
  help(): void;
  /** The bed of the highest alarm. */
  follow(): void;
}

export interface Key {
  /** As `KeyboardEvent.key` has it, in lower case. */
  readonly keys: readonly string[];
  /** As it is written on the keyboard. */
  readonly shown: string;
  readonly does: () => string;
  /** Absent where the page that has the tiles handles it: where they lie is known there. */
  readonly press?: (hand: Hand) => void;
  /** Also while nothing is monitored. */
  readonly always?: true;
}

export const KEYS: readonly Key[] = [
  {
    keys: ["arrowup", "arrowdown", "arrowleft", "arrowright"],
    shown: "↑ ↓ ← →",
    does: () => words.keys.move,
  },
  { keys: ["enter"], shown: "Enter", does: () => words.keys.open },
  { keys: ["escape"], shown: "Esc", does: () => words.keys.back, press: (hand) => hand.back() },
  {
    keys: ["b"],
    shown: "B",
    does: () => words.keys.follow,
    press: (hand) => hand.follow(),
  },
  {
    keys: ["a"],
    shown: "A",
    does: () => words.keys.acknowledge,
    press: ({ station, alarms }) => station.pressAcknowledge(alarms),
  },
  {
    keys: ["g"],
    shown: "G",
    does: () => words.keys.accept,
    press: ({ station, alarms }) => station.pressAnswer(alarms, true),
  },
  {
    keys: ["c"],
    shown: "C",
    does: () => words.keys.reject,
    press: ({ station, alarms }) => station.pressAnswer(alarms, false),
  },
  {
    keys: ["p"],
    shown: "P",
    does: () => words.keys.pause,
    press: ({ station, bed }) => {
      if (bed === undefined) station.trouble = words.noBedChosen;
      else void station.pauseAudio(bed);
    },
  },
  {
    keys: ["l"],
    shown: "L",
    does: () => words.keys.limits,
    press: ({ station, bed }) => {
      if (bed === undefined) station.trouble = words.noBedChosen;
      else {
        station.bedPart = "limits";
        station.go({ page: "bed", bed });
      }
      void take("L");
    },
  },
  { keys: ["/"], shown: "/", does: () => words.keys.filter, press: () => void take("/") },
  {
    keys: ["s"],
    shown: "S",
    does: () => words.keys.sound,
    press: ({ station }) => void station.turnSoundOn(),
    always: true,
  },
  { keys: ["?"], shown: "?", does: () => words.keys.help, press: (hand) => hand.help() },
];

/** Handles a key, if it is one of the table's. */
export function pressed(event: KeyboardEvent, hand: () => Hand, monitoring: boolean): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  // A key that is held down is not a second press.
  if (event.repeat || isElsewhere(event.key)) return;
  const key = KEYS.find(({ keys }) => keys.includes(event.key.toLowerCase()));
  if (key?.press === undefined || !(monitoring || key.always)) return;
  // What a key opens must not take that key for its first letter.
  if (key.keys.includes("/")) event.preventDefault();
  key.press(hand());
}

/** Whether the key belongs to what a person types, or to a dialog that is open. */
function isElsewhere(key: string): boolean {
  if (document.querySelector("dialog[open]") !== null) return true;
  const isTyping = document.activeElement?.matches("input, select, textarea") ?? false;
  return isTyping && key !== "Escape";
}

/** The control of the page that says that this is its key takes the focus. */
async function take(key: string): Promise<void> {
  await tick();
  const control = document.querySelector<HTMLElement>(`[aria-keyshortcuts="${key}"]`);
  control?.focus();
  if (control?.matches("[role=tab], summary, button")) control.click();
}
