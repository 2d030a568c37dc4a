// A server that is not there: the same contract, made-up patients. For development and tests;
// nothing under src/ imports it, so it is never in what is built.

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

import { beat as pulse } from "../src/feed/beat";
import type { FeedWorld, Socket } from "../src/feed/socket";
import {
  type AlarmEvent,
  AlarmEventSchema,
  AlarmKind,
  AlarmPhase,
  AlarmPresence,
  AlarmPriority,
  Inactivation,
  Responsibility,
  Validity,
} from "../src/wire/rpm_service/v1/alarm_pb";
import {
  EarlyWarningBand,
  type EarlyWarningScore,
  EarlyWarningScoreSchema,
} from "../src/wire/rpm_service/v1/early_warning_pb";
import {
  AgeClass,
  type BedDescription,
  BedDescriptionSchema,
  type BedInactivation,
  BedInactivationSchema,
  type BedNumerics,
  BedNumericsSchema,
  type BedWaveform,
  BedWaveformSchema,
  Connection,
  type LimitOverride,
  LimitOverrideSchema,
  WatchResponseSchema,
} from "../src/wire/rpm_service/v1/monitoring_pb";

export type Scenario = "calm" | "alarming";

const CHUNK_S = 0.2;
/** As they are sent where nobody asks for another rate. */
const ECG_HZ = 125;
const PLETH_HZ = 62.5;
const RESP_HZ = 25;
/** From so many beds on they are of two units. */
const ONE_UNIT_MAX = 16;
const NO_SAMPLE = -32768;

const METRICS = [
  metric("HR", 147842, "/min", 5, { low: 50, high: 120, extremeLow: 35, extremeHigh: 160 }),
  metric("SpO2", 150456, "%", 5, { low: 90, extremeLow: 85 }),
  metric("RR", 151562, "/min", 5, { low: 8, high: 30 }),
  metric("NIBPs", 150021, "mm[Hg]", 3600, { low: 90, high: 160 }),
  metric("NIBPd", 150022, "mm[Hg]", 3600, { low: 50, high: 90 }),
  metric("NIBPm", 150023, "mm[Hg]", 3600, { low: 60, high: 110 }),
  metric("Temp", 150344, "Cel", 900, { low: 36, high: 38.5 }, 1),
  metric("PR", 149530, "/min", 5, { low: 50, high: 120 }),
];
const HR = 0;
const SPO2 = 1;
const RR = 2;
const TEMP = 6;
const PR = 7;

type AlarmInit = Omit<MessageInitShape<typeof AlarmEventSchema>, "$typeName">;

function metric(
  name: string,
  code: number,
  unit: string,
  staleAfterS: number,
  limits: { low?: number; high?: number; extremeLow?: number; extremeHigh?: number },
  decimals = 0,
) {
  return { name, code, unit, decimals, staleAfterS, limits: { metric: name, ...limits } };
}

function held(init: MessageInitShape<typeof BedInactivationSchema>): BedInactivation {
  return create(BedInactivationSchema, init);
}

function ownLimits(now: number, reason: string): LimitOverride {
  return create(LimitOverrideSchema, { by: "bo", since: now - 60, until: now + 7200, reason });
}

/** A score for each adult; every fourth waits for what a clinician must enter. */
function scoreOf(index: number, now: number): EarlyWarningScore | undefined {
  if (index % 7 === 6) return undefined;
  if (index % 4 === 3) {
    return create(EarlyWarningScoreSchema, { at: now, missing: ["oxygen", "consciousness"] });
  }
  const total = (index * 5) % 9;
  const { LOW, MEDIUM, HIGH } = EarlyWarningBand;
  const band = total >= 7 ? HIGH : total >= 5 ? MEDIUM : LOW;
  return create(EarlyWarningScoreSchema, {
    at: now,
    total,
    band,
    subScores: [{ input: "RR", score: Math.min(total, 3), value: 22, observedAt: now }],
  });
}

/** Repeatable numbers from 0 to 1. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface MockBed {
  readonly description: BedDescription;
  readonly base: number[];
  readonly observedAt: number[];
}

export interface WavesAsked {
  readonly waves?: number | undefined;
  readonly hz?: number | undefined;
}

/** A whole ward that lives by itself. */
export class MockWard implements FeedWorld {
  /** While true, nothing is sent, as by a frozen server. */
  frozen = false;
  readonly #beds: MockBed[];
  readonly #alarms = new Map<string, AlarmEvent>();
  readonly #random = random(7);
  #socket: MockSocket | null = null;
  #revision = 1;
  #sentTo = 0;

  /** `waves` of them at each bed; `hz` is the rate of all, where it is asked for. */
  constructor(count: number, scenario: Scenario, { waves = 3, hz }: WavesAsked = {}) {
    const now = this.#now();
    this.#beds = Array.from({ length: count }, (_, i) => {
      const bed = this.#newBed(i, now);
      const { waveforms } = bed.description;
      bed.description.waveforms = waveforms.slice(0, waves);
      for (const each of waveforms) each.sampleRateHz = hz ?? each.sampleRateHz;
      if (count > ONE_UNIT_MAX && i >= count / 2) bed.description.unit = "ICU West";
      return bed;
    });
    if (scenario === "alarming") this.#alarm(now);
    setInterval(() => this.#tick(), CHUNK_S * 1000);
  }

  openSocket(): Socket {
    this.#socket = new MockSocket(() => {
      this.#sentTo = this.#now();
      this.#send({
        case: "snapshot",
        value: {
          revision: String(this.#revision),
          serverClock: this.#now(),
          beds: this.#beds.map(({ description }) => description),
          numerics: this.#beds.map((bed) => this.#numerics(bed)),
          alarms: [...this.#alarms.values()],
        },
      });
    });
    return this.#socket;
  }

  hasSession(): Promise<boolean> {
    return Promise.resolve(true);
  }

  moment() {
    return { now: performance.now() / 1000, wall: this.#now(), jitter: Math.random() };
  }

  readonly beat = pulse;

  /** Answers the acts. */
  readonly post = (path: string, init: RequestInit): Promise<Response> => {
    const body = JSON.parse(String(init.body)) as {
      duration_s?: number;
      metric?: string;
      condition?: string;
      reason?: string;
      state?: keyof typeof Inactivation;
    };
    const [, , what, id = "", act] = path.split("/");
    const now = this.#now();
    if (what === "beds") {
      const bed = this.#beds.find(({ description }) => description.bed === decodeURIComponent(id));
      if (bed === undefined) return refusal(404, "There is no such bed.");
      const { metric = "", condition = "", duration_s = 0, reason = "" } = body;
      const state =
        act === "inactivate"
          ? Inactivation[body.state ?? "UNSPECIFIED"]
          : act === "pause-audio" && duration_s > 0
            ? Inactivation.AUDIO_PAUSED
            : undefined;
      bed.description.inactivations = bed.description.inactivations.filter(
        (each) => each.metric !== metric || each.condition !== condition,
      );
      if (state !== undefined) {
        const until = duration_s > 0 ? { until: now + duration_s } : {};
        bed.description.inactivations.push(
          held({ state, metric, condition, reason, by: "demo", since: now, ...until }),
        );
      }
      this.#delta({ beds: [bed.description] });
      return Promise.resolve(Response.json({}));
    }
    const alarm = this.#alarms.get(id);
    if (alarm === undefined) return refusal(404, "There is no such active alarm.");
    if (act === "acknowledge" && alarm.presence === AlarmPresence.ON) {
      this.#tell({
        ...alarm,
        phase: AlarmPhase.ACKNOWLEDGE,
        presence: AlarmPresence.ACKNOWLEDGED,
        acknowledgedBy: "demo",
        acknowledgedAt: now,
        acknowledgedUntil: now + 120,
      });
    } else if (act === "responsibility") {
      this.#tell({
        ...alarm,
        phase: AlarmPhase.RESPONSIBILITY,
        responsibility: Responsibility.ACCEPTED,
        responsible: "demo",
        answeredAt: now,
      });
    } else if (act === "reset" && alarm.presence === AlarmPresence.LATCHED) {
      this.#tell({ ...alarm, phase: AlarmPhase.RESET, presence: AlarmPresence.OFF });
    } else {
      return refusal(409, `The alarm is ${AlarmPresence[alarm.presence]} now.`);
    }
    return Promise.resolve(Response.json({}));
  };

  #now(): number {
    return (performance.timeOrigin + performance.now()) / 1000;
  }

  #newBed(index: number, now: number): MockBed {
    const between = (low: number, high: number) => low + this.#random() * (high - low);
    const systolic = between(104, 140);
    const diastolic = systolic * between(0.52, 0.62);
    const base = [between(58, 106), between(94, 99), between(12, 22)];
    base.push(systolic, diastolic, diastolic + (systolic - diastolic) / 3, between(36.3, 37.6));
    base.push(base[HR] ?? NaN);
    const nibpAt = now - between(60, 1800);
    return {
      description: create(BedDescriptionSchema, {
        number: index + 1,
        bed: `E-${String(index + 1).padStart(2, "0")}`,
        unit: "ICU East",
        deviceId: `sim-${index + 1}`,
        patientId: `P${1000 + index}`,
        ageClass: index % 7 === 6 ? AgeClass.PAEDIATRIC : AgeClass.ADULT,
        connection: Connection.CONNECTED,
        careGroups: [index % 2 === 0 ? "Team A" : "Team B"],
        earlyWarning: scoreOf(index, now),
        metrics: METRICS,
        waveforms: [
          { code: 131330, unit: 266418, sampleRateHz: ECG_HZ, scale: 0.002 },
          { code: 150452, unit: 262656, sampleRateHz: PLETH_HZ, scale: 0.001 },
          { code: 151780, unit: 262656, sampleRateHz: RESP_HZ, scale: 0.001 },
        ],
      }),
      base,
      observedAt: [now, now, now, nibpAt, nibpAt, nibpAt, now - between(5, 200), now],
    };
  }

  /** Something is wrong at the first beds. */
  #alarm(now: number): void {
    const at = (index: number) => this.#beds[index % this.#beds.length] as MockBed;
    const physiological = AlarmKind.PHYSIOLOGICAL;
    const technical = AlarmKind.TECHNICAL;
    const { HIGH, MEDIUM, LOW } = AlarmPriority;
    const set = (bed: MockBed, position: number, value: number) => (bed.base[position] = value);
    const add = (bed: MockBed, condition: string, since_s: number, init: AlarmInit) => {
      const id = String(101 + this.#alarms.size);
      const alarm = create(AlarmEventSchema, {
        occurrenceId: id,
        eventSeq: 1,
        phase: AlarmPhase.CONTINUE,
        bed: bed.description.bed,
        deviceId: bed.description.deviceId,
        condition,
        raisedAt: now - since_s,
        observedAt: now - since_s,
        receivedAt: now - since_s,
        presence: AlarmPresence.ON,
        ...init,
      });
      this.#alarms.set(id, alarm);
    };

    set(at(0), SPO2, 84);
    add(at(0), "SPO2_LOW", 42, {
      kind: physiological,
      priority: HIGH,
      metric: "SpO2",
      value: 84,
      extreme: 82,
      limit: 85,
    });
    if (this.#beds.length === 1) return;
    set(at(1), HR, 134);
    add(at(1), "HR_HIGH", 190, {
      kind: physiological,
      priority: MEDIUM,
      metric: "HR",
      value: 134,
      extreme: 138,
      limit: 120,
      presence: AlarmPresence.ACKNOWLEDGED,
      responsibility: Responsibility.ACCEPTED,
      responsible: "anna",
      answeredAt: now - 70,
      acknowledgedBy: "anna",
      acknowledgedAt: now - 72,
      acknowledgedUntil: now + 48,
    });
    set(at(2), RR, 33);
    add(at(2), "RR_HIGH", 19, {
      kind: physiological,
      priority: MEDIUM,
      metric: "RR",
      value: 33,
      extreme: 34,
      limit: 30,
    });
    at(3).description.connection = Connection.LOST;
    at(3).observedAt.fill(now - 31);
    add(at(3), "CONNECTION_LOST", 21, { kind: technical, priority: MEDIUM });
    set(at(4), HR, NaN);
    add(at(4), "INVALID_SIGNAL", 115, { kind: technical, priority: LOW, metric: "HR" });
    set(at(5), TEMP, 38.7);
    add(at(5), "TEMP_HIGH", 724, {
      kind: physiological,
      priority: LOW,
      metric: "Temp",
      value: 38.7,
      extreme: 38.7,
      limit: 38.5,
    });
    at(6).description.inactivations.push(
      held({ state: Inactivation.AUDIO_PAUSED, by: "anna", since: now - 48, until: now + 72 }),
    );
    const reason = "agreed at the round";
    at(9).description.inactivations.push(
      held({ state: Inactivation.ALARM_OFF, metric: "SpO2", by: "bo", since: now - 900, reason }),
    );
    at(2).description.covered = false;
    at(12).description.covered = false;
    const [heartRate] = at(13).description.metrics;
    if (heartRate !== undefined) heartRate.override = ownLimits(now, reason);
    add(at(7), "HR_LOW", 260, {
      kind: physiological,
      priority: HIGH,
      metric: "HR",
      value: 61,
      extreme: 33,
      limit: 35,
      presence: AlarmPresence.LATCHED,
      latching: true,
      endedAt: now - 200,
    });
    if (this.#beds.length < 11) return;
    const service = { ...at(0), description: { ...at(0).description, bed: "server" } };
    add(service, "NOT_DELIVERED", 5, { kind: technical, priority: MEDIUM });
    at(8).description.connection = Connection.AWAY;
    at(8).observedAt.fill(now - 1500);
    set(at(10), HR, 0);
    at(10).observedAt[SPO2] = now - 40;
    add(at(10), "HR_LOW", 9, {
      kind: physiological,
      priority: HIGH,
      metric: "HR",
      value: 0,
      extreme: 0,
      limit: 35,
    });
    add(at(10), "METRIC_STALE", 30, { kind: technical, priority: MEDIUM, metric: "SpO2" });
  }

  #numerics({ description, base, observedAt }: MockBed): BedNumerics {
    const wobble = Math.sin(this.#now() / 7 + description.number);
    return create(BedNumericsSchema, {
      number: description.number,
      values: base.map((value, position) => {
        const moves = [HR, RR, PR].includes(position) && value !== 0;
        return moves ? value + 1.5 * wobble : value;
      }),
      observedAt,
      pending: description.number === 15 ? [HR] : [],
      validity: base.map((value) => (Number.isNaN(value) ? Validity.MISSING : Validity.VALID)),
    });
  }

  #tick(): void {
    // Nobody has asked for anything yet.
    if (this.#sentTo === 0) return;
    const now = this.#now();
    const live = this.#beds.filter(
      ({ description }) => description.connection === Connection.CONNECTED,
    );
    const second = Math.floor(now) !== Math.floor(this.#sentTo);
    for (const bed of second ? live : []) {
      for (const position of [HR, SPO2, RR, PR]) {
        if (now - (bed.observedAt[position] ?? 0) < 10) bed.observedAt[position] = now;
      }
    }
    const waveforms = live.flatMap((bed) => chunks(bed, this.#sentTo, now));
    this.#sentTo = now;
    this.#delta({ numerics: second ? live.map((bed) => this.#numerics(bed)) : [], waveforms });
  }

  #tell(alarm: AlarmEvent): void {
    const event = { ...alarm, eventSeq: alarm.eventSeq + 1 };
    if (event.presence === AlarmPresence.OFF) this.#alarms.delete(event.occurrenceId);
    else this.#alarms.set(event.occurrenceId, event);
    this.#delta({ alarms: [event] });
  }

  #delta(news: {
    beds?: BedDescription[];
    numerics?: BedNumerics[];
    alarms?: AlarmEvent[];
    waveforms?: BedWaveform[];
  }): void {
    this.#revision += 1;
    const revision = String(this.#revision);
    this.#send({ case: "delta", value: { revision, serverClock: this.#now(), ...news } });
  }

  #send(frame: NonNullable<MessageInitShape<typeof WatchResponseSchema>["frame"]>): void {
    if (this.frozen) return;
    this.#socket?.deliver(toBinary(WatchResponseSchema, create(WatchResponseSchema, { frame })));
  }
}

function refusal(status: number, error: string): Promise<Response> {
  return Promise.resolve(Response.json({ error }, { status }));
}

/** One beat of each waveform, as many samples to the beat. */
const BEAT = 1024;
const bump = (at: number, centre: number, width: number): number =>
  Math.exp(-(((at - centre) / width) ** 2));
const ECG_BEAT = beat(
  (at) =>
    500 * bump(at, 0.4, 0.012) -
    90 * bump(at, 0.37, 0.012) -
    120 * bump(at, 0.43, 0.014) +
    55 * bump(at, 0.22, 0.035) +
    110 * bump(at, 0.68, 0.06),
);
const PLETH_BEAT = beat((at) => 100 + 780 * bump(at, 0.3, 0.13) + 330 * bump(at, 0.62, 0.13));

function beat(shape: (at: number) => number): Float32Array {
  return Float32Array.from({ length: BEAT }, (_, i) => shape(i / BEAT));
}

/** Samples of the waveforms between two times. */
function chunks({ description, base }: MockBed, from: number, to: number): BedWaveform[] {
  const { number } = description;
  const rate_hz = (base[HR] ?? NaN) / 60;
  const quiet = number % 5 === 2 && to % 40 < 3;
  if (quiet) return [];
  const place = (time: number) => Math.floor(((time * rate_hz + number / 3) % 1) * BEAT);
  const noise = () => 8 * (Math.random() - 0.5);
  const shapes = [
    (time: number) => {
      if (Number.isNaN(rate_hz)) return NO_SAMPLE;
      return rate_hz === 0 ? noise() : (ECG_BEAT[place(time)] ?? 0) + noise();
    },
    (time: number) => (rate_hz === 0 ? 100 : (PLETH_BEAT[place(time)] ?? 100)),
    (time: number) => 500 * Math.sin(((base[RR] ?? 0) * 2 * Math.PI * time) / 60),
  ];
  return description.waveforms.map(({ sampleRateHz: hz }, waveform) => {
    const first = Math.ceil(from * hz);
    const values = new Int16Array(Math.max(0, Math.ceil(to * hz) - first));
    const at = shapes[waveform] ?? (() => NO_SAMPLE);
    for (let i = 0; i < values.length; i++) values[i] = at((first + i) / hz);
    const samples = new Uint8Array(values.buffer);
    return create(BedWaveformSchema, { number, waveform, startAt: first / hz, samples });
  });
}

/** A socket whose other end is in this page. */
class MockSocket implements Socket {
  binaryType: BinaryType = "arraybuffer";
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  readonly #onsubscribe: () => void;
  #subscribed = false;

  constructor(onsubscribe: () => void) {
    this.#onsubscribe = onsubscribe;
    setTimeout(() => this.onopen?.(new Event("open")));
  }

  send(): void {
    if (this.#subscribed) return;
    this.#subscribed = true;
    setTimeout(this.#onsubscribe);
  }

  close(): void {
    this.#subscribed = false;
  }

  deliver(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#subscribed) this.onmessage?.(new MessageEvent("message", { data: bytes.buffer }));
  }
}
