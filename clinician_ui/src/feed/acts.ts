// What a clinician does: one POST each. The effect is seen through the feed, never assumed.

import { type AlarmEvent, AlarmPriority, Inactivation } from "../wire/rpm_service/v1/alarm_pb";
import { words } from "../words";

/** No answer within this time is a failure that the person is told. */
const ANSWER_WITHIN_MS = 5000;
/** The status of an act of a locked session. */
const LOCKED = 423;
/** How long one press of Pause silences a bed, in seconds. */
export const PAUSE_S = 120;

/** Acts without an answer that are remembered; the oldest is forgotten first. */
const UNANSWERED_MAX = 64;

/** An act that was not done; the message is one line for the person. */
export class ActRefused extends Error {
  /** The field that is at fault, as the server calls it; empty where it named none. */
  readonly field: string;
  /** The session is locked: nobody was here for a while. */
  readonly locked: boolean;

  constructor(message: string, field = "", locked = false) {
    super(message);
    this.field = field;
    this.locked = locked;
  }
}

/** A whole bed, one metric of it, or one condition. */
export interface Scope {
  readonly metric: string;
  readonly condition: string;
}

/** What is to be held back, for how long (0 where it does not end by itself), and why. */
export interface HoldBack extends Scope {
  readonly state: Inactivation;
  readonly duration_s: number;
  readonly reason: string;
}

/** What a clinician has seen; what is left out stays as it was. */
export interface Seen {
  readonly inspired_gas?: string;
  readonly consciousness?: string;
  /** Which scale of SpO2 applies; the second needs a reason. */
  readonly oxygen_scale?: string;
  readonly reason?: string;
}

/** Limits of one metric, whole: what is left out is no limit. */
export interface Limits {
  readonly low?: number | null;
  readonly high?: number | null;
  readonly extreme_low?: number | null;
  readonly extreme_high?: number | null;
  readonly delay_s: number;
  readonly extreme_delay_s: number;
  readonly hysteresis: number;
  readonly hold_s: number;
  readonly latching: boolean;
}

/** Who comes to a bed. */
export interface Admission {
  readonly patient_id: string;
  readonly age_class: string;
  readonly unit: string;
}

export type Post = (path: string, init: RequestInit) => Promise<Response>;

/** The acts. Each resolves when the server has done it and rejects with ActRefused. */
export class Acts {
  readonly #post: Post;
  /** A key is kept until its act has been answered: pressed again, it is the same act. */
  readonly #unanswered = new Map<string, string>();

  constructor(post: Post = (path, init) => fetch(path, init)) {
    this.#post = post;
  }

  /** Acknowledges one occurrence at the priority that is on the screen. */
  acknowledge(alarm: AlarmEvent): Promise<void> {
    const path = `/v1/alarms/${encodeURIComponent(alarm.occurrenceId)}/acknowledge`;
    return this.#do(path, { priority: AlarmPriority[alarm.priority] });
  }

  /** Ends a latched signal. */
  reset(alarm: AlarmEvent): Promise<void> {
    return this.#do(`/v1/alarms/${encodeURIComponent(alarm.occurrenceId)}/reset`, {});
  }

  /** Whoever is signed in goes, or cannot: then it is on to the next level at once. */
  answer(alarm: AlarmEvent, accepted: boolean): Promise<void> {
    const path = `/v1/alarms/${encodeURIComponent(alarm.occurrenceId)}/responsibility`;
    return this.#do(path, { accepted });
  }

  /** Pauses the sound of a bed; 0 seconds ends the pause. */
  pauseAudio(bed: string, duration_s: number): Promise<void> {
    return this.#do(`/v1/beds/${encodeURIComponent(bed)}/pause-audio`, { duration_s });
  }

  /** Holds back signals of an alarm, a metric or a bed. */
  holdBack(bed: string, { state, ...what }: HoldBack): Promise<void> {
    const path = `/v1/beds/${encodeURIComponent(bed)}/inactivate`;
    return this.#do(path, { ...what, state: Inactivation[state] });
  }

  /** Ends all that is held back of exactly this scope. */
  reactivate(bed: string, { metric, condition }: Scope): Promise<void> {
    return this.#do(`/v1/beds/${encodeURIComponent(bed)}/reactivate`, { metric, condition });
  }

  /** Records what no device measures, for the early-warning score. */
  assess(bed: string, seen: Seen): Promise<void> {
    return this.#do(`/v1/beds/${encodeURIComponent(bed)}/assess`, { ...seen });
  }

  /** Sets limits of the patient's own for a time, and says why. */
  setLimits(
    bed: string,
    metric: string,
    limits: Limits,
    why: { readonly reason: string; readonly duration_s: number },
  ): Promise<void> {
    return this.#atBed(bed, "set-limits", { metric, ...limits, ...why });
  }

  /** Puts the preset into force again. */
  clearLimits(bed: string, metric: string): Promise<void> {
    return this.#atBed(bed, "clear-limits", { metric });
  }

  admit(bed: string, who: Admission): Promise<void> {
    return this.#atBed(bed, "admit", { ...who });
  }

  transfer(bed: string, to_bed: string): Promise<void> {
    return this.#atBed(bed, "transfer", { to_bed });
  }

  discharge(bed: string): Promise<void> {
    return this.#atBed(bed, "discharge", {});
  }

  associate(bed: string, device_id: string): Promise<void> {
    return this.#atBed(bed, "associate", { device_id });
  }

  dissociate(bed: string, device_id: string): Promise<void> {
    return this.#atBed(bed, "dissociate", { device_id });
  }

  #atBed(bed: string, act: string, body: Record<string, unknown>): Promise<void> {
    return this.#do(`/v1/beds/${encodeURIComponent(bed)}/${act}`, body);
  }

  async #do(path: string, body: Record<string, unknown>): Promise<void> {
    const act = `${path} ${JSON.stringify(body)}`;
    const idempotency_key = this.#unanswered.get(act) ?? crypto.randomUUID();
    this.#unanswered.set(act, idempotency_key);
    if (this.#unanswered.size > UNANSWERED_MAX) {
      for (const oldest of this.#unanswered.keys()) {
        this.#unanswered.delete(oldest);
        break;
      }
    }
    let answer: Response;
    try {
      answer = await this.#post(path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...body, idempotency_key }),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
    } catch {
      // Whatever kept the answer away, the person must know that it is not known to be done.
      throw new ActRefused(words.noAnswer);
    }
    this.#unanswered.delete(act);
    if (!answer.ok) throw await refusedBy(answer);
  }
}

/** What a server says that did not do what it was asked. */
async function refusedBy(answer: Response): Promise<ActRefused> {
  if (answer.status === 401) return new ActRefused(words.signedOut);
  if (answer.status === LOCKED) return new ActRefused(words.lockedMeans, "", true);
  try {
    const body: unknown = await answer.json();
    if (typeof body === "object" && body !== null && "error" in body) {
      return new ActRefused(String(body.error), "field" in body ? String(body.field) : "");
    }
  } catch {
    // Not JSON, so not our server's words: the status must do.
  }
  return new ActRefused(words.refused(answer.status));
}
