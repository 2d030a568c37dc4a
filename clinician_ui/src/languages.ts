// Which languages there are, and which one a person has chosen. A language that is not whole is
// not here: half of a page in words that a person does not read is worse than all of it in English.

import { speak } from "./language.svelte";
import { type Catalogue, english } from "./words";

export const LANGUAGES: readonly Catalogue[] = [english];

/** Kept in this browser, for each person who signs in at it. */
const keyOf = (user: string): string => `rpm-service language ${user}`;

/** The language of a person: what they chose here, else the first that their browser asks for. */
export function languageOf(
  user: string,
  languages: readonly Catalogue[] = LANGUAGES,
  asked: readonly string[] = navigator.languages,
): Catalogue {
  const chosen = localStorage.getItem(keyOf(user));
  const wanted = [...(chosen === null ? [] : [chosen]), ...asked.map((tag) => tag.split("-")[0])];
  for (const tag of wanted) {
    const language = languages.find((each) => each.tag === tag);
    if (language !== undefined) return language;
  }
  return english;
}

/** A person chooses; the page changes at once, and is so again when they come back. */
export function choose(user: string, language: Catalogue): void {
  localStorage.setItem(keyOf(user), language.tag);
  speak(language);
}
