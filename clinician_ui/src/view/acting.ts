// Whether the person at the page may act at all: a wall display shows nothing that acts.

import { getContext, setContext } from "svelte";

const KEY = Symbol("may act");

export function letAct(mayAct: () => boolean): void {
  setContext(KEY, mayAct);
}

/** To be asked while a component is made. */
export function acting(): () => boolean {
  return getContext<(() => boolean) | undefined>(KEY) ?? (() => true);
}
