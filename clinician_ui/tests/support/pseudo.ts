// A language that nobody speaks: every word of the catalogue in brackets. What a page says outside
// of brackets does not come from the catalogue.

import { type Catalogue, english } from "../../src/words";

export const PSEUDO: Catalogue = bracketed({ ...english, tag: "qps" }) as Catalogue;

function bracketed(value: unknown, key = ""): unknown {
  if (key === "tag" || key === "decimalSign") return value;
  if (typeof value === "string") return value === "" ? "" : `⟦${value}⟧`;
  if (typeof value === "function") {
    return (...args: unknown[]): unknown =>
      bracketed((value as (...a: unknown[]) => unknown)(...args));
  }
  if (Array.isArray(value)) return value.map((each) => bracketed(each));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, bracketed(each, name)]),
  );
}

/** What names things for people, beside the text itself. */
const NAMING = ["aria-label", "title", "placeholder", "alt", "aria-description"];

/** Runs of letters that the page says outside of the catalogue, but for `data` of the server. */
export function foreign(root: Element, data: readonly string[]): string[] {
  const said = [document.title];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node: Node | null = root; node !== null; node = walker.nextNode()) {
    if (node instanceof Element) {
      for (const name of NAMING) said.push(node.getAttribute(name) ?? "");
    } else if (node.parentElement?.matches("style, script") === false) {
      said.push(node.textContent ?? "");
    }
  }
  return said.flatMap((text) => {
    const outside = data.reduce((left, each) => left.replaceAll(each, " "), withoutBrackets(text));
    return /\p{L}{2,}/u.test(outside) ? [text.trim()] : [];
  });
}

/** Brackets may stand within brackets. */
function withoutBrackets(text: string): string {
  const left = text.replace(/⟦[^⟦⟧]*⟧/gu, "");
  return left === text ? left : withoutBrackets(left);
}
