// The language that the page is in. Reactive, so that a page changes its words while it monitors:
// loading it anew would turn its sound off.

import type { Catalogue } from "./words";

/** The catalogue that was chosen; null where none was. */
let chosen = $state.raw<Catalogue | null>(null);

/** A catalogue that says what the chosen one says, and `own` until one is chosen. */
export function inLanguageOfPage(own: Catalogue): Catalogue {
  return new Proxy(own, { get: (_, key): unknown => Reflect.get(chosen ?? own, key) });
}

/** Changes every word of the page. */
export function speak(catalogue: Catalogue): void {
  chosen = catalogue;
  document.documentElement.lang = catalogue.tag;
}
