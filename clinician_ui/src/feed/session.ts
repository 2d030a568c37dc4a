// Who is signed in at this browser, and whether they may write.

const ANSWER_WITHIN_MS = 5000;

/** What the server says of this session. */
export interface Session {
  readonly user: string;
  /** "wall": a display that looks and never acts. */
  readonly role: string;
  /** Nobody was here for a while: acts are refused until it is unlocked. */
  readonly locked: boolean;
  /** How it is unlocked: with "password", or by another "sign-in". */
  readonly unlocksBy: string;
}

export type Ask = (path: string, init: RequestInit) => Promise<Response>;

/** Asks the server about the session. Each rejects where there is no answer. */
export class Sessions {
  readonly #ask: Ask;

  constructor(ask: Ask = (path, init) => fetch(path, init)) {
    this.#ask = ask;
  }

  /** Who is signed in; null where the server knows no session. */
  async look(): Promise<Session | null> {
    const answer = await this.#send("/v1/session", { method: "GET" });
    if (answer.status === 401) return null;
    const body = (await answer.json()) as Record<string, unknown>;
    return {
      user: String(body["user"] ?? ""),
      role: String(body["role"] ?? ""),
      locked: body["locked"] === true,
      unlocksBy: String(body["unlocks_by"] ?? ""),
    };
  }

  /** A person is there. Tells whether the session is locked nevertheless. */
  async stir(): Promise<boolean> {
    return (await this.#send("/v1/session/active", { method: "POST" })).status === 423;
  }

  /** Unlocks with a password; gives the server's words where it does not. */
  async unlock(password: string): Promise<string> {
    const answer = await this.#send("/v1/session/unlock", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ password }),
    });
    if (answer.ok) return "";
    const body = (await answer.json()) as Record<string, unknown>;
    return String(body["error"] ?? answer.status);
  }

  async signOut(): Promise<void> {
    await this.#send("/sign-out", { method: "POST" });
  }

  #send(path: string, init: RequestInit): Promise<Response> {
    return this.#ask(path, { ...init, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  }
}
