// The focus is never lost. Where what had it has left the page, or cannot be used any more, the
// keyboard goes on at what it stood in; where that is gone too, at the page.

/** What can stand in for something within it. */
const PLACES = "[tabindex], form, section, dialog, [role=search], main";

/** What has the focus, and what that stands in, from the inside outwards. */
type Held = readonly HTMLElement[];

/** Whether nothing of the page has the focus. */
export function isNowhere(focus: Element | null): boolean {
  return focus === null || focus === document.body || !isUsable(focus);
}

/** Watches over the focus until what it returns is called. */
export function keepFocus(): () => void {
  let held: Held = [];
  let waits: ReturnType<typeof setTimeout> | undefined;

  const note = ({ target }: Event): void => {
    held = target instanceof HTMLElement ? [target, ...around(target)] : [];
  };
  // A press beside everything is no loss.
  const letGo = (): void => {
    held = [];
  };
  const settle = (): void => {
    waits = undefined;
    // In another window, or in the browser's own bar, nothing is lost.
    if (document.hasFocus() && isNowhere(document.activeElement)) takeUp(held);
  };
  // Whatever took it away may have said where it goes.
  const look = (): void => {
    if (held.length > 0 && isNowhere(document.activeElement)) waits ??= setTimeout(settle);
  };

  const changes = new MutationObserver(look);
  changes.observe(document.body, {
    subtree: true,
    childList: true,
    attributeFilter: ["disabled", "hidden"],
  });
  document.addEventListener("focusin", note);
  document.addEventListener("pointerdown", letGo);
  return () => {
    changes.disconnect();
    clearTimeout(waits);
    document.removeEventListener("focusin", note);
    document.removeEventListener("pointerdown", letGo);
  };
}

/** Esc within an element leaves that, and not the page. */
export function onEscape(leave: () => unknown): (element: HTMLElement) => () => void {
  return (element) => {
    const hear = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      leave();
    };
    element.addEventListener("keydown", hear);
    return () => element.removeEventListener("keydown", hear);
  };
}

function takeUp([focus, ...places]: Held): void {
  if (focus === undefined) return;
  // What moved within the page is there again.
  const next = isUsable(focus)
    ? focus
    : (places.find(isUsable) ?? document.querySelector<HTMLElement>("main"));
  if (next === null) return;
  if (next !== focus && !next.hasAttribute("tabindex")) next.tabIndex = -1;
  next.focus({ preventScroll: true });
}

function around(element: HTMLElement): HTMLElement[] {
  const place = element.parentElement?.closest<HTMLElement>(PLACES) ?? null;
  return place === null ? [] : [place, ...around(place)];
}

function isUsable(element: Element): boolean {
  return element.isConnected && !element.matches(":disabled");
}
