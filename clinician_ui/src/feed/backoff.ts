/** The first wait before connecting again is at most this long, in seconds. */
export const RETRY_S_FIRST = 0.5;
/** No wait is longer: whoever stands before a dark screen is waiting. */
export const RETRY_S_MAX = 5;

/**
 * Seconds to wait before connecting again.
 *
 * Doubles with each failure since the last Snapshot. `jitter`, from 0 to 1, takes away up to
 * half, so that the pages of a ward do not come back in step after a restart.
 */
export function retryDelay_s(failures: number, jitter: number): number {
  const ceiling = Math.min(RETRY_S_MAX, RETRY_S_FIRST * 2 ** Math.max(0, failures - 1));
  return ceiling * (1 - jitter / 2);
}
