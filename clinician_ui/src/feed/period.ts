/** How often the page looks at its clocks, in milliseconds. */
export const BEAT_MS = 250;
