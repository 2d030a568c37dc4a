// The station: what the feed tells, held where the view can see it, and the acts of its person.

import { SvelteSet } from "svelte/reactivity";

import { type Acts, ActRefused, type HoldBack, PAUSE_S, type Scope, type Seen } from "./feed/acts";
import { drawn, NO_DELIVERIES, told, toldAnew } from "./feed/delivery";
import type { Link } from "./feed/link";
import { Records } from "./feed/records";
import type { Sessions } from "./feed/session";
import { Feed, type FeedEvents, type FeedWorld } from "./feed/socket";
import { byBed, inOrder, waitsForSomebody } from "./model/alarms";
import { LastHour } from "./lastHour.svelte";
import { hearClock, type ServerClock, serverTime } from "./model/clock";
import { type Confirmation, confirms, keyed, named, type Silencing } from "./model/confirmation";
import { fragmentOf, type Route, routeOf, WARD } from "./route";
import { Person } from "./person.svelte";
import { callsOf, NO_CALLS, NOT_MONITORING } from "./sound/calls";
import type { Calls } from "./sound/schedule";
import { Sound } from "./sound/sound.svelte";
import type { Speaker } from "./sound/speaker";
import { holdingBack, inForce } from "./model/inactivation";
import { byName, EMPTY_WARD, gone, type Ward, wardOf, withDelta } from "./model/ward";
import { Waves } from "./model/waves";
import type { AlarmEvent } from "./wire/rpm_service/v1/alarm_pb";
import type { BedInactivation } from "./wire/rpm_service/v1/monitoring_pb";
import { words } from "./words";

/** How often ages and times left are counted anew. */
const LOOKS_PER_S = 2;

/** The parts of a bed's page. */
export type BedPart = keyof typeof words.bedPage.tabs;

export class Station {
  link = $state.raw<Link | null>(null);
  ward = $state.raw<Ward>(EMPTY_WARD);
  /** Monotone seconds at the last look. */
  moment = $state(0);
  /** The server's clock at the last look, up to the next half second: what is counted on it is
   * redrawn twice a second, and nothing is called younger than it is. NaN until a frame has told
   * it. */
  now = $state(NaN);
  /** Why the server ended the stream, in its words. */
  closing = $state("");
  /** What the person must be told about the last act; empty where it went well. */
  trouble = $state("");
  pending = $state.raw<Confirmation | null>(null);
  /** Acts under way, by what they are done to. */
  readonly busy = new SvelteSet<string>();

  /** Whether the page is in view. */
  visible = $state(isVisible());
  /** Alarm events that the server waits to hear of. */
  deliveries = $state.raw(NO_DELIVERIES);

  /** Those of the ward, apart from it: values come many times a second, and alarms do not. */
  #standing = $state.raw(EMPTY_WARD.alarms);
  readonly alarms = $derived(inOrder(this.#standing.values()));
  readonly alarmsByBed = $derived(byBed(this.alarms));

  readonly bedsByName = $derived(byName(this.ward.beds));

  #left = $state.raw<readonly string[]>([]);
  /** Beds that left the page since the person last took note, and are not back. */
  readonly gone = $derived(this.#left.filter((bed) => !this.bedsByName.has(bed)));
  /** How often beds have left. What was read before may tell of them, and is to be read anew. */
  partings = $state(0);

  /** Where the person is. */
  route = $state.raw<Route>(WARD);

  /** Which part of a bed's page is open: the same from bed to bed. */
  bedPart = $state<BedPart>("signals");

  readonly sound: Sound;
  /** When a person last heard a test of the sound, on the server's clock. */
  soundTestedAt = $state(NaN);

  /** Samples stay outside the reactive state: canvases read them at their own pace. */
  readonly waves = new Waves();

  readonly person: Person;

  readonly #acts: Acts;
  readonly #feed: Feed;
  #clock: ServerClock | null = null;

  /** What is stored, for pages that look back. */
  readonly records = new Records();
  readonly lastHour = new LastHour(this.records);

  constructor(world: FeedWorld, acts: Acts, speaker: Speaker, sessions: Sessions | null = null) {
    this.person = new Person(sessions);
    this.#acts = acts;
    this.sound = new Sound(speaker, () => this.#tellPresence());
    this.#feed = new Feed(world, this.#events());
  }

  start(): void {
    document.addEventListener("visibilitychange", this.#look);
    window.addEventListener("popstate", this.#arrive);
    this.#arrive();
    this.#look();
    void this.person.look();
    this.#feed.start();
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#look);
    window.removeEventListener("popstate", this.#arrive);
    this.#feed.stop();
    this.lastHour.stop();
  }

  /** Goes to another page of the station; the feed and the sound go on. */
  go(route: Route): void {
    if (fragmentOf(route) === fragmentOf(this.route)) return;
    history.pushState(null, "", fragmentOf(route));
    this.#come(route);
  }

  #come(route: Route): void {
    this.route = route;
    if (route.page === "bed" && route.occurrence !== undefined) this.bedPart = "alarms";
  }

  // A fragment that a person types, a link and the back button all tell by this.
  readonly #arrive = (): void => {
    this.#come(routeOf(location.hash));
  };

  readonly #look = (): void => {
    this.visible = isVisible();
    if (this.visible) void this.person.look();
    this.#tellPresence();
  };

  #tellPresence(): void {
    this.#feed.tellPresence({ audioArmed: this.sound.armed, visible: this.visible });
  }

  /** The person has read which beds are gone. */
  noteGone(): void {
    this.#left = [];
  }

  /** Turns sound on, or tests it anew; while a person presses something. */
  async turnSoundOn(): Promise<void> {
    const plays = await this.sound.turnOn(this.moment).catch(() => false);
    this.trouble = plays ? "" : words.noSoundHere;
  }

  /** The person says whether they have heard the test. */
  answerTest(heard: boolean): void {
    this.sound.answer(heard);
    if (heard) this.soundTestedAt = this.now;
  }

  /** The view has drawn every alarm that this page was told of. */
  presented(): void {
    // What is drawn where nobody can see it is not presented.
    if (!this.visible || this.deliveries.waiting.length === 0) return;
    const { frames, deliveries } = drawn(this.deliveries);
    // Without a connection they wait for the next one, whose snapshot comes here again.
    if (frames.every((events) => this.#feed.confirm(events))) this.deliveries = deliveries;
  }

  /** The server's clock at a monotone time in seconds. */
  serverTime(now: number): number {
    return serverTime(this.#clock, now);
  }

  /** Whether an act on an alarm, or on its bed, waits for its answer. */
  isBusy(alarm: AlarmEvent): boolean {
    return this.busy.has(alarm.occurrenceId) || this.busy.has(`bed ${alarm.bed}`);
  }

  /** What was named by a first press and waits for the second. */
  isNamed(what: Silencing): boolean {
    return this.pending !== null && confirms(this.pending, what, this.moment);
  }

  #onlyLooks(): boolean {
    if (!this.person.mayAct) this.trouble = words.wallLooks;
    return !this.person.mayAct;
  }

  /** Whether this press of an act that silences is the second; the first one only names it. */
  #isSecond(what: Silencing): boolean {
    if (this.#onlyLooks()) return false;
    this.trouble = "";
    const second = this.isNamed(what);
    this.pending = second ? null : named(what, this.moment);
    return second;
  }

  /** Acknowledges an alarm by the second press. */
  async acknowledge(alarm: AlarmEvent): Promise<void> {
    if (this.isBusy(alarm) || !this.#isSecond({ act: "acknowledge", alarm })) return;
    return this.#do(alarm.occurrenceId, alarm.bed, () => this.#acts.acknowledge(alarm));
  }

  reset(alarm: AlarmEvent): Promise<void> {
    return this.#do(alarm.occurrenceId, alarm.bed, () => this.#acts.reset(alarm));
  }

  /** Takes an alarm upon whoever is signed in; its signal is as before. */
  accept(alarm: AlarmEvent): Promise<void> {
    return this.#do(alarm.occurrenceId, alarm.bed, () => this.#acts.answer(alarm, true));
  }

  /** Whoever is signed in cannot go. */
  reject(alarm: AlarmEvent): Promise<void> {
    return this.#do(alarm.occurrenceId, alarm.bed, () => this.#acts.answer(alarm, false));
  }

  /** Pauses the sound of a bed by the second press. */
  async pauseAudio(bed: string): Promise<void> {
    if (this.busy.has(`bed ${bed}`) || !this.#isSecond({ act: "pause", bed })) return;
    return this.#do(`bed ${bed}`, bed, () => this.#acts.pauseAudio(bed, PAUSE_S));
  }

  endPause(bed: string): Promise<void> {
    return this.#do(`bed ${bed}`, bed, () => this.#acts.pauseAudio(bed, 0));
  }

  /** Holds back signals of an alarm, a metric or a bed. */
  holdBack(bed: string, what: HoldBack): Promise<void> {
    return this.#do(`bed ${bed}`, bed, () => this.#acts.holdBack(bed, what));
  }

  /** Ends what is held back of a scope. */
  reactivate(bed: string, scope: Scope): Promise<void> {
    return this.#do(`bed ${bed}`, bed, () => this.#acts.reactivate(bed, scope));
  }

  /** Records what no device measures. */
  assess(bed: string, seen: Seen): Promise<void> {
    return this.#do(`bed ${bed}`, bed, () => this.#acts.assess(bed, seen));
  }

  /** What is held back of an alarm's signals. */
  heldBackOf(alarm: AlarmEvent): BedInactivation[] {
    const bed = this.bedsByName.get(alarm.bed);
    return bed === undefined ? [] : holdingBack(inForce(bed.description, this.now), alarm);
  }

  /** A key said that somebody goes, or cannot: for the first of `alarms` that waits for that. */
  pressAnswer(alarms: readonly AlarmEvent[], accepted: boolean): void {
    const alarm = alarms.find(waitsForSomebody);
    this.trouble = alarm === undefined ? words.nothingToAccept : "";
    if (alarm !== undefined) void (accepted ? this.accept(alarm) : this.reject(alarm));
  }

  /** The acknowledge key was pressed. */
  pressAcknowledge(alarms: readonly AlarmEvent[]): void {
    const alarm = keyed(this.pending, alarms, this.moment);
    this.trouble = alarm === undefined ? words.nothingToAcknowledge : "";
    if (alarm === undefined) this.pending = null;
    else void this.acknowledge(alarm);
  }

  /** Does what a form asks for; gives the refusal, for the form to show at its field. */
  async attempt(bed: string, act: (acts: Acts) => Promise<void>): Promise<ActRefused | null> {
    if (this.#onlyLooks()) return new ActRefused(words.wallLooks);
    const what = `bed ${bed}`;
    if (this.busy.has(what)) return new ActRefused(words.stillBusy);
    this.busy.add(what);
    try {
      await act(this.#acts);
      return null;
    } catch (error) {
      if (!(error instanceof ActRefused)) throw error;
      if (error.locked) this.person.lock();
      return error;
    } finally {
      this.busy.delete(what);
    }
  }

  async #do(what: string, bed: string, act: () => Promise<void>): Promise<void> {
    if (this.busy.has(what) || this.#onlyLooks()) return;
    this.busy.add(what);
    this.trouble = "";
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ActRefused)) throw error;
      this.trouble = `${bed}: ${error.message}`;
      if (error.locked) this.person.lock();
    } finally {
      this.busy.delete(what);
    }
  }

  #show(ward: Ward): void {
    this.ward = ward;
    this.#standing = ward.alarms;
  }

  #calls(now: number): Calls {
    switch (this.link?.phase) {
      case "live":
      case "quiet":
        return callsOf(this.alarms, this.bedsByName, now);
      case "NOT_MONITORING":
      case "signed_out":
        return NOT_MONITORING;
      default:
        return NO_CALLS;
    }
  }

  #events(): FeedEvents {
    return {
      snapshot: (frame, now) => {
        this.#clock = hearClock(null, frame.serverClock, now);
        const ward = wardOf(frame);
        const left = gone(this.ward, ward);
        this.#left = [...this.gone, ...left];
        if (left.length > 0) this.partings += 1;
        this.#show(ward);
        this.deliveries = toldAnew(this.deliveries, frame.alarms);
        this.closing = "";
        this.waves.clear();
        this.waves.follow(this.ward.beds);
      },
      delta: (frame, now) => {
        this.#clock = hearClock(this.#clock, frame.serverClock, now);
        this.#show(withDelta(this.ward, frame));
        this.deliveries = told(this.deliveries, frame.alarms);
        if (frame.beds.length > 0) this.waves.follow(this.ward.beds);
        this.waves.take(frame.waveforms);
      },
      progress: (frame, now) => {
        this.#clock = hearClock(this.#clock, frame.serverClock, now);
      },
      closing: (reason) => {
        this.closing = reason;
      },
      link: (link, now) => {
        this.link = link;
        this.moment = now;
        const time = this.serverTime(now);
        this.now = Math.ceil(time * LOOKS_PER_S) / LOOKS_PER_S;
        this.sound.follow(this.#calls(time), now);
        if (this.pending !== null && now > this.pending.until) this.pending = null;
      },
    };
  }
}

function isVisible(): boolean {
  return document.visibilityState === "visible";
}
