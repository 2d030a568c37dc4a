// The page's pulse. Browsers slow the timers of a hidden tab down to one a minute, in which an
// alarm tone and NOT MONITORING would be late; a worker's timers go on.

import { BEAT_MS } from "./period";

/**
 * Calls at least each BEAT_MS while the page is not frozen; gives what ends that.
 *
 * The page's own timer goes on beside the worker's: a worker that cannot be had, or that dies,
 * costs no beat of a page in view. A call too many does no harm.
 */
export function beat(call: () => void): () => void {
  const worker = new Worker(new URL("./beat.worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = call;
  const timer = setInterval(call, BEAT_MS);
  return () => {
    worker.terminate();
    clearInterval(timer);
  };
}
