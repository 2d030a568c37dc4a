// What a person takes away: a table, or a picture as it is on the page.

/** What gives a picture its looks; the file has no style sheet. */
const LOOKS = [
  "fill",
  "stroke",
  "stroke-width",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
] as const;
const MARGIN = 12;
/** Pixels to one unit of a picture: sharp on a slide too. */
const PNG_SCALE = 2;
const ALIGN: Record<string, CanvasTextAlign> = { start: "left", middle: "center", end: "right" };

/** A picture as a file of its own, in the colours that it has on the page. */
export function svgFile(svg: SVGSVGElement): Blob {
  const text = new XMLSerializer().serializeToString(lone(svg));
  return new Blob([text], { type: "image/svg+xml" });
}

/**
 * The same in pixels.
 *
 * Drawn shape by shape: a browser makes pixels of an SVG only by loading it as an image from an
 * address of its own making, which the content security policy does not let in.
 */
export async function pngFile(svg: SVGSVGElement): Promise<Blob> {
  const picture = lone(svg);
  const [x = 0, y = 0, width = 0, height = 0] = numbers(picture.getAttribute("viewBox"));
  const canvas = document.createElement("canvas");
  canvas.width = width * PNG_SCALE;
  canvas.height = height * PNG_SCALE;
  const paper = canvas.getContext("2d");
  if (paper === null) throw new Error("this browser draws nothing");
  paper.setTransform(PNG_SCALE, 0, 0, PNG_SCALE, -x * PNG_SCALE, -y * PNG_SCALE);
  for (const shape of picture.querySelectorAll("*")) draw(shape, paper);
  return new Promise((done, failed) => {
    canvas.toBlob((file) => {
      if (file === null) failed(new Error("this browser makes no picture"));
      else done(file);
    }, "image/png");
  });
}

/** A copy that needs nothing of the page: looks as attributes, and a ground. */
function lone(svg: SVGSVGElement): SVGSVGElement {
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
  return copy;
}

/** One shape of a picture: those that the pictures here are made of, each in its own place. */
function draw(shape: Element, paper: CanvasRenderingContext2D): void {
  const look = (name: string, usual = ""): string => shape.getAttribute(name) ?? usual;
  const size = (name: string, usual = "0"): number => parseFloat(look(name, usual));
  paper.beginPath();
  switch (shape.tagName) {
    case "rect":
      paper.roundRect(size("x"), size("y"), size("width"), size("height"), size("rx"));
      break;
    case "circle":
      paper.arc(size("cx"), size("cy"), size("r"), 0, 2 * Math.PI);
      break;
    case "line":
      paper.moveTo(size("x1"), size("y1"));
      paper.lineTo(size("x2"), size("y2"));
      break;
    case "polyline":
      for (const point of look("points").split(" ")) {
        const [x = 0, y = 0] = numbers(point);
        paper.lineTo(x, y);
      }
      break;
    case "text":
      paper.fillStyle = look("fill");
      paper.font = [look("font-weight"), look("font-size"), look("font-family")].join(" ");
      paper.textAlign = ALIGN[look("text-anchor")] ?? "left";
      paper.fillText(shape.textContent.trim(), size("x"), size("y"));
      return;
    default:
      throw new Error(`no picture here is made of <${shape.tagName}>`);
  }
  if (look("fill", "none") !== "none") {
    paper.globalAlpha = size("fill-opacity", "1");
    paper.fillStyle = look("fill");
    paper.fill();
    paper.globalAlpha = 1;
  }
  if (look("stroke", "none") !== "none") {
    paper.strokeStyle = look("stroke");
    paper.lineWidth = size("stroke-width", "1");
    paper.stroke();
  }
}

function numbers(text: string | null): number[] {
  return (text ?? "").split(/[ ,]+/).map(Number);
}

/** Has the browser keep a file. */
export function save(name: string, file: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
