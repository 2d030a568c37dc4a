// What a person takes away: a table, or a picture as it is on the page.

/** What gives a picture its looks; the file has no style sheet. */
const LOOKS = ["fill", "stroke", "font-family", "font-size", "font-weight", "text-anchor"] as const;
const MARGIN = 12;

/** A picture as a file of its own, in the colours that it has on the page. */
export function svgFile(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const shown = svg.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((element, place) => {
    const original = shown[place];
    if (original === undefined) return;
    const style = getComputedStyle(original);
    for (const look of LOOKS) {
      const value = style.getPropertyValue(look);
      if (value !== "") element.setAttribute(look, value);
    }
    for (const name of ["class", "tabindex", "role", "aria-label"]) element.removeAttribute(name);
  });
  const { width, height } = svg.viewBox.baseVal;
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const around = [-MARGIN, -MARGIN, width + 2 * MARGIN, height + 2 * MARGIN] as const;
  ["x", "y", "width", "height"].forEach((name, place) => {
    ground.setAttribute(name, String(around[place]));
  });
  ground.setAttribute("fill", getComputedStyle(document.documentElement).backgroundColor);
  copy.prepend(ground);
  copy.setAttribute("viewBox", around.join(" "));
  copy.setAttribute("width", String(around[2]));
  copy.setAttribute("height", String(around[3]));
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  for (const name of ["class", "tabindex"]) copy.removeAttribute(name);
  return new XMLSerializer().serializeToString(copy);
}

/** Has the browser keep a file. */
export function save(name: string, type: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
