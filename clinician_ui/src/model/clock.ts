/**
 * An estimate of the server's clock: its lead over this page's monotone clock.
 *
 * Every age on the page is counted on it, so it must not run behind: a value would look newer
 * than it is. A frame that waited on its way carries an old time, so the estimate follows the
 * frame that came soonest, and yields only as fast as two clocks may drift apart.
 */
export interface ServerClock {
  /** Server's Unix seconds minus monotone seconds. */
  readonly lead_s: number;
  /** Monotone time of the newest frame. */
  readonly at: number;
}

/** Seconds per second that the two clocks may drift apart; a quartz is a hundred times better. */
const DRIFT = 0.005;

/** The estimate after a frame that carried `serverClock` was taken at `now`. */
export function hearClock(
  before: ServerClock | null,
  serverClock: number,
  now: number,
): ServerClock {
  const lead_s = serverClock - now;
  if (before === null) return { lead_s, at: now };
  return { lead_s: Math.max(lead_s, before.lead_s - DRIFT * (now - before.at)), at: now };
}

/** The server's time at `now`; NaN where no frame has told it. */
export function serverTime(clock: ServerClock | null, now: number): number {
  return clock === null ? NaN : clock.lead_s + now;
}

/** The monotone time at which the server said something; never later than when it was heard. */
export function saidAt(clock: ServerClock, serverClock: number): number {
  return serverClock - clock.lead_s;
}
