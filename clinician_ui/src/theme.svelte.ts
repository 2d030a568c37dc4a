// Dark or light: what a person chose in this browser, else what the system asks for.

export type Theme = "dark" | "light";

const PREFERS_LIGHT = "(prefers-color-scheme: light)";

const keyOf = (user: string): string => `rpm-service theme ${user}`;

class Shown {
  /** Canvases do not hear of style sheets: they read this. */
  shown = $state<Theme>("dark");
}

export const theme = new Shown();

/** What a person has chosen here; null where the system's is theirs. */
export function chosenTheme(user: string): Theme | null {
  const chosen = localStorage.getItem(keyOf(user));
  return chosen === "dark" || chosen === "light" ? chosen : null;
}

/** A person chooses; null is as the system has it. */
export function chooseTheme(user: string, chosen: Theme | null): void {
  if (chosen === null) localStorage.removeItem(keyOf(user));
  else localStorage.setItem(keyOf(user), chosen);
  show(user);
}

/** Shows the theme of a person, and follows the system where they have none of their own. */
export function followTheme(user: string): () => void {
  const system = matchMedia(PREFERS_LIGHT);
  const follow = (): void => show(user);
  follow();
  system.addEventListener("change", follow);
  return () => system.removeEventListener("change", follow);
}

function show(user: string): void {
  theme.shown = chosenTheme(user) ?? (matchMedia(PREFERS_LIGHT).matches ? "light" : "dark");
  document.documentElement.dataset["theme"] = theme.shown;
}
