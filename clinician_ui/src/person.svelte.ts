// The person at the page: who they are, whether they may act, and that they are still there.

import type { Session, Sessions } from "./feed/session";
import { words } from "./words";

/** That somebody is there is told no more often than this. */
const STIR_EVERY_S = 60;

export class Person {
  session = $state.raw<Session | null>(null);
  /** The dialog that unlocks is open. */
  asked = $state(false);
  /** Why the last try to unlock was none, in the server's words. */
  wrong = $state("");

  readonly #sessions: Sessions | null;
  #stirredAt = -Infinity;

  /** `sessions` is null for a ward without a server. */
  constructor(sessions: Sessions | null) {
    this.#sessions = sessions;
  }

  get user(): string {
    return this.session?.user ?? "";
  }

  /** A wall display looks; everybody else acts, and is told where they may not. */
  get mayAct(): boolean {
    return this.session?.role !== "wall";
  }

  get locked(): boolean {
    return this.session?.locked ?? false;
  }

  /** Asks the server. Where it does not answer, the link says so. */
  async look(): Promise<void> {
    const found = await this.#sessions?.look().catch(() => null);
    if (found) this.session = found;
  }

  /** The server refused an act because nobody was here for a while. */
  lock(): void {
    if (this.session !== null) this.session = { ...this.session, locked: true };
    this.asked = true;
  }

  /** A key or the pointer moved; `now` in monotone seconds. */
  async stir(now: number): Promise<void> {
    if (!this.mayAct || this.locked || now - this.#stirredAt < STIR_EVERY_S) return;
    this.#stirredAt = now;
    const locked = await this.#sessions?.stir().catch(() => false);
    // Nobody has tried to act: the bar says it, and no dialog comes up.
    if (locked === true && this.session !== null) this.session = { ...this.session, locked };
  }

  async unlock(password: string): Promise<void> {
    this.wrong = (await this.#sessions?.unlock(password).catch(() => words.noAnswer)) ?? "";
    if (this.wrong === "") this.asked = false;
    await this.look();
  }

  /** Signs out, and shows the page that signs in. */
  async signOut(): Promise<void> {
    await this.#sessions?.signOut().catch(() => undefined);
    location.assign("/");
  }
}
