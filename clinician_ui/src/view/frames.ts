// One loop for every picture of the page: however many canvases there are, the browser calls once.

/** Milliseconds between two pictures: enough for a sweep, and half the work. */
const FRAME_MS = 30;

const pictures = new Set<() => void>();
let drawnAt = -Infinity;

/** Draws again and again, until the function that is given back is called. */
export function everyFrame(draw: () => void): () => void {
  if (pictures.size === 0) requestAnimationFrame(frame);
  pictures.add(draw);
  return () => pictures.delete(draw);
}

function frame(at: number): void {
  // A hidden page gets no frames at all, and goes on where it is when it is seen again.
  if (pictures.size > 0) requestAnimationFrame(frame);
  if (at - drawnAt < FRAME_MS) return;
  drawnAt = at;
  for (const draw of pictures) draw();
}
