// Every word the page says, in one place. Kept apart from what is drawn, so that a clinician can
// proof-read the station in one reading. `english` is the catalogue: another language is another
// object of its type (see languages.ts), and the functions below put words together for each.

import {
  type AlarmEvent,
  AlarmPhase,
  AlarmPriority,
  Inactivation,
  Responsibility,
} from "./wire/rpm_service/v1/alarm_pb";
import {
  AgeClass,
  type BedInactivation,
  type LimitOverride,
  type MetricDescription,
} from "./wire/rpm_service/v1/monitoring_pb";
import { inLanguageOfPage } from "./language.svelte";

export const english = {
  /** How `Intl` calls the language. */
  tag: "en",
  /** Its name, in itself. */
  language: "English",
  decimalSign: ".",
  station: "Central station",
  pages: "Pages",
  ward: "Ward",
  alarms: "Alarms",
  burden: "Burden",
  live: "LIVE",
  quiet: "QUIET",
  soundOff: "SOUND OFF",
  soundOffMeans: "This page calls nobody, and covers no bed.",
  turnSoundOn: "Turn sound on",
  soundOn: (testedAt: string) => `sound on · tested ${testedAt}`,
  testSound: "Test sound",
  noSoundHere: "The browser gave no sound. Look at its settings for this page, and try again.",
  testPlays: {
    [AlarmPriority.LOW]: "You should hear LOW: 2 slow, low pulses.",
    [AlarmPriority.MEDIUM]: "You should hear MEDIUM: 3 pulses, higher.",
    [AlarmPriority.HIGH]: "You should hear HIGH: 3 and 2 fast pulses, twice, the highest.",
    [AlarmPriority.UNSPECIFIED]: "",
  } as Record<AlarmPriority, string>,
  testAsks: "You should have heard 2 pulses, then 3, then 3 and 2 twice. Did you?",
  testHeard: "I heard all three",
  testNotHeard: "I did not",
  testUnheard:
    "Nobody has heard this page. Look at its tab, the loudspeaker and the volume, and test again.",
  devicesChanged: "sound devices have changed: test the sound",
  connecting: "Connecting to the server …",
  technical: "technical",
  activeAlarms: "Active alarms",
  noAlarms: "No active alarm",
  lastHour: "Last hour",
  alarmsCounted: (count: number, isCut: boolean) =>
    `${isCut ? "over " : ""}${count} about patients`,
  hourBars: (counts: readonly number[]) =>
    `Alarms about patients in each five minutes, the oldest first: ${counts.join(", ")}`,
  noSuchBed: (name: string) => `No bed ${name} is in view. It may have been moved or let go.`,
  choice: "What of the ward is shown",
  find: "Find a bed",
  unit: "Unit",
  unitOrCareGroup: "Unit or care group",
  allUnits: "all units",
  careGroup: (unit: string, group: string) => `${group} · ${unit}`,
  mine: "mine",
  mineMeans: "Only the beds that you have marked with a star",
  mark: (bed: string) => `${bed} is mine`,
  alarmsFirst: "alarms first",
  notShown: (beds: number) => (beds === 1 ? "1 bed is not shown" : `${beds} beds are not shown`),
  showAll: "Show all",
  noBedChosenToSee: "No bed is of what you have chosen to see.",
  look: "Look",
  lookOfSystem: "as the system has it",
  dark: "dark",
  light: "light",
  noBeds: "No bed is being monitored. A tile appears here when a device connects.",
  acknowledge: "Acknowledge",
  reset: "Reset",
  pause: "Pause 2:00",
  endPause: "Sound on",
  ended: "ended",
  latchedAt: (time: string) => `ended ${time}, reset to clear`,
  since: (time: string) => `since ${time}`,
  notAcknowledged: "not acknowledged",
  noSignal: "NO SIGNAL",
  connectionLost: "connection lost",
  waveStale: "not updated",
  showPatient: (bed: string) => `Show the patient's identifier at ${bed}`,
  standby: "standby",
  limits: "limits",
  now: "now",
  takenAt: (time: string, age: string) => `taken ${time} (${age})`,
  battery: (charge: string) => `battery of the device: ${charge}`,
  missing: "missing",
  invalid: "invalid",
  noCurrentValue: "no current value",
  never: "never",
  notMonitoring: "NOT MONITORING",
  hidden: "Numbers are hidden. Watch the bedside monitors.",
  signedOut: "You are signed out.",
  signIn: "Sign in",
  signOut: "Sign out",
  wall: "wall display",
  wallLooks: "A wall display looks and does not act.",
  stillBusy: "The act before still waits for its answer.",
  locked: "Locked for acts",
  lockedShort: "Locked",
  lockedMeans: "Nobody was here for 15 minutes. Watching goes on; acts wait until you unlock.",
  passwordOf: (user: string) => `Password of ${user}`,
  unlock: "Unlock",
  signInAgain: "This session has no password: sign in again to act.",
  noAnswer: "The server did not answer: it may not have been done. Try again.",
  refused: (status: number) => `The server refused (HTTP ${status}).`,
  confirmAcknowledge: (alarm: string) => `Press again to acknowledge: ${alarm} goes silent`,
  confirmPause: (bed: string) => `Press again to pause: all sound of ${bed} stops for 2:00`,
  again: "Press again",
  calm: "No alarm",
  highestAlarm: "Highest alarm",
  alarmsSpoken: (first: string, more: number) => `${first}; ${more} more`,
  noBedChosen: "Choose a bed first, by the arrow keys.",
  reject: "I cannot go",
  skip: "Skip to the page",
  help: "Help",
  keyboard: "Keyboard",
  priority: "Priority",
  chooseLanguage: "Language",
  keys: {
    move: "from tile to tile, or from alarm to alarm",
    open: "open the bed",
    back: "back",
    follow: "to the bed of the highest alarm",
    acknowledge: "acknowledge the highest alarm, or the one in focus; press twice",
    accept: "I am going",
    reject: "I cannot go",
    pause: "pause the sound of the bed in focus; press twice",
    limits: "alarm limits of the bed in focus",
    filter: "filter",
    sound: "turn sound on, or test it",
    help: "this help",
  },
  priorityMeans: {
    [AlarmPriority.HIGH]: "somebody must act at once",
    [AlarmPriority.MEDIUM]: "somebody must act soon",
    [AlarmPriority.LOW]: "be aware of it",
    [AlarmPriority.UNSPECIFIED]: "",
  } as Record<AlarmPriority, string>,
  log: "Event log",
  logRows: "Events, newest first",
  logShown: (shown: number) => (shown === 1 ? "1 event" : `${shown} events`),
  filter: "Filter",
  logAll: "all",
  logAt: "time",
  logBed: "bed",
  logUnit: "unit",
  logPriority: "priority",
  logCondition: "condition",
  logWhat: "alarm",
  logPhase: "what happened",
  logBy: "who",
  logSince: "from",
  logUntil: "until",
  logEmpty: "No event is found.",
  logOlder: "Older events",
  noLog: (reason: string) => `The event log could not be read: ${reason}`,
  noLogAnswer: "the server gave no answer that can be read.",
  exportAs: (format: string) => `Export ${format}`,
  evidence: "evidence",
  evidenceOf: (occurrence: string) => `evidence of occurrence ${occurrence}`,
  lateDetected: (phase: string, at: string) => `${phase} at ${at}, detected late`,
  phases: {
    [AlarmPhase.UNSPECIFIED]: "something that this page does not know",
    [AlarmPhase.START]: "began",
    [AlarmPhase.CONTINUE]: "goes on",
    [AlarmPhase.UPDATE]: "went on",
    [AlarmPhase.ESCALATE]: "priority rose",
    [AlarmPhase.DEESCALATE]: "priority fell",
    [AlarmPhase.ACKNOWLEDGE]: "acknowledged",
    [AlarmPhase.ACKNOWLEDGEMENT_EXPIRE]: "acknowledgement ran out",
    [AlarmPhase.END]: "ended",
    [AlarmPhase.RESET]: "reset",
    [AlarmPhase.RESPONSIBILITY]: "answered",
  } as Record<AlarmPhase, string>,
  soundHelp: "Sound",
  soundHeard: "The sound is on once a person has heard its test. Test it at every handover.",
  soundUnknown:
    "A page cannot know whether its tab, the loudspeaker or the computer is muted, or how loud it is: only a person who hears the test can.",
  nothingToAccept: "No alarm waits for somebody to go.",
  nothingToAcknowledge: "No alarm waits to be acknowledged.",
  silentFor: (silent: string) => `No data from the server for ${silent}.`,
  lastAt: (time: string) => `Last at ${time}.`,
  tryingAgain: (attempt: number) => `Trying again (${attempt}) …`,
  serverSaid: (reason: string) => `The server said: ${reason}`,
  bedsGone: (beds: readonly string[]) =>
    `No longer shown here: ${beds.slice(0, 8).join(", ")}${beds.length > 8 ? ` and ${beds.length - 8} more` : ""}. Nobody watches them from this page.`,
  understood: "Understood",
  lastSample: (time: string) => `last ${time}`,
  acknowledgedBy: (who: string, time: string) => `acknowledged by ${who} ${time}`,
  bed: (name: string) => `Bed ${name}`,
  close: "Close",
  signalAgain: "Signal again",
  nothingHeldBack: "Nothing is held back here.",
  holdBack: "Hold back",
  holdBackOf: "of",
  holdBackFor: "for",
  wholeBed: "whole bed",
  why: "because",
  asBefore: "as before",
  breathes: "Breathes",
  gases: { air: "air", oxygen: "oxygen" },
  consciousness: "Consciousness",
  levels: {
    alert: "alert",
    confusion: "new confusion",
    voice: "responds to voice",
    pain: "responds to pain",
    unresponsive: "unresponsive",
  },
  recordFor: (score: string) => `Record for ${score}`,
  accept: "I am going",
  goes: (who: string) => `${who} is going`,
  cannotGo: (who: string) => `${who} cannot go`,
  heldBackBy: (who: string, time: string) => `by ${who} at ${time}`,
  notCovered: "NOT COVERED",
  notCoveredMeans: "No armed page in view watches this bed: nobody is called.",
  pending: "alarm pending: beyond its limit, the delay still runs",
  scoreIncomplete: "incomplete",
  scoreWithout: (inputs: string) => `without ${inputs}`,
  scoreLowMedium: "a single 3: urgent review by the ward",
  scoreMedium: "urgent review",
  scoreHigh: "emergency review",
  soundsAgain: (left: string) => `sounds again in ${left}`,
  /** The parts of a condition's code; what is not here is said in the code's own letters. */
  codeParts: {
    low: "low",
    high: "high",
    falling: "falling",
    rising: "rising",
    combined: "combined",
    warning: "warning",
    battery: "battery",
  } as Record<string, string>,
  service: "Service",
  below: "below",
  above: "above",
  lowest: (value: string) => `lowest ${value}`,
  highest: (value: string) => `highest ${value}`,
  heldBackWhat: (scope: string, what: string) => `${scope} ${what}`,
  overriddenBy: (metric: string, by: string, until: string) =>
    `${metric} limits of this patient, by ${by} until ${until}`,
  tenths: (seconds: string) => `${seconds} s`,
  seconds: (count: number) => `${count} s`,
  minutes: (count: number) => `${count} min`,
  hours: (count: number) => `${count} h`,
  weekdays: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"],
  trends: "Trends",
  trendSpan: "How much is shown",
  trendMove: "Which time is shown",
  earlier: "Earlier",
  later: "Later",
  toNow: "To now",
  asTable: "As a table",
  exportCsv: "Export (CSV)",
  reading: "Reading …",
  trendsNotRead: "The trends could not be read",
  trendsNoAnswer: "the server did not answer. It is asked again.",
  nothingMeasured: "Nothing was measured in this time.",
  trendTable: "Trends as a table",
  trendTableMeans: "Mean, and lowest to highest, from each time on. Newest first.",
  trendTime: "From",
  trendHint: "Drag over a time to enlarge it; double-click for all. Dashed: limits of now.",
  alarmsInTrend: (count: number) =>
    count === 1 ? "1 alarm in this time" : `${count} alarms in this time`,
  noValue: "–",
  priorities: {
    [AlarmPriority.HIGH]: "high priority",
    [AlarmPriority.MEDIUM]: "medium priority",
    [AlarmPriority.LOW]: "low priority",
    [AlarmPriority.UNSPECIFIED]: "priority not stated",
  } as Record<AlarmPriority, string>,
  ageClasses: {
    [AgeClass.UNSPECIFIED]: "",
    [AgeClass.ADULT]: "adult",
    [AgeClass.PAEDIATRIC]: "child",
    [AgeClass.NEONATAL]: "neonate",
  } as Record<AgeClass, string>,
  inactivations: {
    [Inactivation.UNSPECIFIED]: "",
    [Inactivation.AUDIO_PAUSED]: "sound paused",
    [Inactivation.AUDIO_OFF]: "sound off",
    [Inactivation.ALARM_PAUSED]: "alarms paused",
    [Inactivation.ALARM_OFF]: "alarms off",
  } as Record<Inactivation, string>,
  burdenPage: {
    title: "Alarm burden",
    period: "Period",
    periods: { day: "24 hours", three: "3 days", week: "7 days", month: "30 days" },
    unit: "Unit",
    allUnits: "all units",
    about: "Alarms about",
    kinds: { physiological: "patients", technical: "equipment" },
    countAgain: "Count again",
    counting: "Counting the alarms …",
    devicesDone: (done: number, of: number) => `${done} of ${of} devices`,
    cutOff: "The server's answer was cut off. Try again.",
    fromTo: (from: string, to: string) => `${from} to ${to}`,
    none: "No alarm was raised in this time.",
    perBedDay: "alarms a bed-day",
    inBedDays: (alarms: string, days: string) => `${alarms} alarms in ${days} bed-days`,
    priorities: { HIGH: "high", MEDIUM: "medium", LOW: "low" },
    byPriority: "by priority",
    toAcknowledge: "to acknowledge, half of them",
    nineOfTen: (time: string) => `nine of ten within ${time}`,
    neverAcknowledged: (count: string) => `${count} ended before anybody did`,
    lateDetected: (count: string) =>
      `Not counted: ${count} found in values that came too late for an alarm at the bedside`,
    ofThreeBeds: "of all at three beds",
    repeated: "came again within 60 s",
    repeatedShare: (share: string) => `${share} of all`,
    heatMap: "When and where",
    heatMapMeans: "Alarms by bed and hour of the day",
    cell: (bed: string, from: string, to: string, count: number) =>
      `Bed ${bed}, ${from} to ${to}: ${count} ${count === 1 ? "alarm" : "alarms"}`,
    useArrows: "Move with the arrow keys to read a cell.",
    bedColumn: "Bed",
    total: "total",
    fewer: "none",
    more: (count: number) => `up to ${count}`,
    asTable: "As a table",
    pareto: "What they were",
    paretoMeans: "Alarms by condition, most first; the line adds them up",
    conditionColumn: "Condition",
    countColumn: "Alarms",
    soFarColumn: "Together",
    overTime: "Over time",
    overTimeMeans: (step: string) => `Alarms in each ${step}`,
    minutes: (count: number) => `${count} min`,
    hours: (count: number) => (count === 1 ? "hour" : `${count} h`),
    days: (count: number) => (count === 1 ? "day" : `${count} days`),
    pictureOf: (what: string, format: string) => `Save the picture “${what}” as ${format}`,
    table: "Everything as CSV",
    whatIf: "What if …",
    whatIfMeans:
      "Replays the stored values of this time with another limit. Nothing changes at any bed.",
    metric: "Measured value",
    low: "below",
    high: "above",
    delay: "for longer than (s)",
    hysteresis: "back by (hysteresis)",
    extremeLow: "far below",
    extremeHigh: "far above",
    asPreset: "as preset",
    saySomething: "Say at least one limit, delay or hysteresis.",
    tryIt: "Try it",
    stop: "Stop",
    trying: "Replaying …",
    tried: (what: string, tried: string, before: string) =>
      `${what}: ${tried} instead of ${before} alarms`,
    withDelay: (seconds: string) => `with ${seconds} s`,
    missed: (real: string, missed: string) =>
      `of ${real} alarms that somebody acknowledged or answered, ${missed} would have been missed`,
    nobodyAnswered:
      "nobody acknowledged or answered an alarm in this time, so none can be called missed",
    unknown: (count: string) => `${count} more cannot be judged: no values of the time are stored`,
    replayed: (values: string, beds: string) => `${values} values of ${beds} beds replayed`,
    lateValues: (values: string) =>
      `${values} more came too late for an alarm at the bedside, and are left out`,
    before: "as it was",
    after: "with this limit",
    beforeAfter: "Before and after",
    beforeAfterMeans: "Alarms by condition in a replay, as it was and with this limit",
    missedOnes: "Would have been missed",
    newestOf: (shown: number, of: number) => `the newest ${shown} of ${of}`,
    at: (day: Date, time: string) =>
      `${day.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`,
    acknowledgedBy: (who: string) => `acknowledged by ${who}`,
    aValue: "value",
  },
  pressureParts: { s: "systolic", d: "diastolic", m: "mean" } as Record<string, string>,
  /** Conditions with words of their own; METRIC stands for the metric concerned. */
  conditions: {
    ASYSTOLE: "asystole",
    APNOEA: "apnoea",
    CONNECTION_LOST: "connection lost",
    DEVICE_CLOCK_OFF: "device clock off",
    METRIC_MISSING: "METRIC signal missing",
    METRIC_STALE: "METRIC not updated",
    INVALID_SIGNAL: "METRIC signal invalid",
    ALARMS_OFF: "reminder: alarm signals are off here",
    NOT_DELIVERED: "alarm not delivered",
    BED_NOT_COVERED: "not covered",
    DUPLICATE_DEVICE: "two devices of one name",
    TOO_MANY_FRAMES: "device sends too much",
    INVALID_DATA: "invalid data from the device",
    SEQUENCE_GAP: "data of the device are missing",
    STORAGE_DEGRADED: "does not store everything",
    EVENT_LOOP_BLOCKED: "is slow",
    WEBHOOK_FAILING: "reaches no webhook",
  } as Record<string, string>,
  /** The same where there is little room: ten letters or so. */
  brief: {
    CONNECTION_LOST: "link lost",
    DEVICE_CLOCK_OFF: "clock off",
    METRIC_MISSING: "no METRIC",
    METRIC_STALE: "METRIC old",
    INVALID_SIGNAL: "METRIC bad",
    ALARMS_OFF: "signals off",
    NOT_DELIVERED: "unheard",
    BED_NOT_COVERED: "no cover",
    DUPLICATE_DEVICE: "2 devices",
    TOO_MANY_FRAMES: "too much",
    INVALID_DATA: "bad data",
    SEQUENCE_GAP: "data gap",
    COMBINED_WARNING: "combined",
    BATTERY_LOW: "battery",
  } as Record<string, string>,
  briefScore: (value: string) => `NEWS ${value}`,
  /** One bed: its page. */
  bedPage: {
    speed: "Speed",
    mmPerSecond: (mm: string) => `${mm} mm/s`,
    gain: "Gain",
    times: (gain: string) => `× ${gain}`,
    waveforms: "Waveforms",
    numerics: "Numerics",
    noWaveforms: "This device sends no waveform.",
    parts: "Parts of the page",
    tabs: {
      trends: "Trends",
      alarms: "Alarms",
      limits: "Limits",
      score: "NEWS2",
      signals: "Signals",
      patient: "Patient",
      device: "Device",
    },
    notRead: "The server did not answer. Try again.",
    reading: "Reading what is stored …",
    readAgain: "Read again",
    cancel: "Cancel",
    // Limits
    metric: "Metric",
    preset: "Preset",
    inForce: "In force",
    change: "Change",
    ladder: {
      extreme_low: "Extreme low",
      low: "Low",
      high: "High",
      extreme_high: "Extreme high",
      delay_s: "Delay, s",
      extreme_delay_s: "Extreme delay, s",
    } as Record<string, string>,
    limitsOf: (metric: string) => `Limits of ${metric}`,
    noPreset: "none",
    own: "own",
    within: (low: string, high: string) => `${low} to ${high}`,
    becomes: (what: string, before: string, after: string) => `${what} ${before} → ${after}`,
    nothingChanges: "Nothing changes yet.",
    noLimit: "none",
    reason: "Reason, no patient's name",
    lasts: "For",
    setLimits: "Set these limits",
    clearLimits: "Preset again",
    propose: "Propose limits from the values of now",
    proposedFor: (metric: string, value: string) => `${metric} around ${value}`,
    use: "Look at it",
    noProposals: "Nothing can be proposed: no current value has a rule.",
    nobodyHere: "Nobody is admitted to this bed: limits stay those of the preset.",
    // Score
    input: "Input",
    value: "Value",
    points: "Points",
    age: "Age",
    noScore: "No score here: NEWS2 is for adults who are admitted.",
    inputs: {
      RR: "Breathing",
      SpO2: "SpO₂",
      oxygen: "Air or oxygen",
      systolic: "Systolic pressure",
      pulse: "Pulse",
      consciousness: "Consciousness",
      temperature: "Temperature",
    } as Record<string, string>,
    entered: "entered",
    oxygenScale: "SpO₂ scale",
    scaleOne: "Scale 1",
    scaleTwo: "Scale 2",
    scaleTwoMeans: "for hypercapnic respiratory failure, target 88 to 92 %",
    scaleNow: (scale: string) => `Scale ${scale} is used`,
    decidedBy: (who: string, why: string) => `decided by ${who}: ${why}`,
    decide: "Record the decision",
    history: "Scores since admission",
    noHistory: "No score is stored.",
    at: "At",
    total: "Total",
    made: "Made of",
    // Alarms
    noOccurrences: "No alarm is in the journal of this bed.",
    older: "Older alarms",
    strip: "Evidence",
    closeStrip: "Close",
    lasted: (time: string) => `lasted ${time}`,
    stillThere: "still there",
    byWhom: (who: string) => `acknowledged by ${who}`,
    stripOf: (alarm: string, at: string) => `${alarm} at ${at}: 10 s before to 10 s after`,
    stripElsewhere:
      "This alarm is not among those of the present patient that are listed here: it may be of an earlier patient.",
    stripAt: (at: string) => `Alarm of ${at}: 10 s before to 10 s after`,
    noStrip: "No waveform and no value was kept of this alarm.",
    trace: "Trace",
    timeCaliper: (name: string) => `Time ${name}`,
    valueCaliper: (name: string) => `Value ${name}`,
    relative: (seconds: string) => `${seconds} s`,
    readout: (time: string, rate: string, value: string) =>
      `Δt ${time} · 1/Δt ${rate} · Δ ${value}`,
    perMinute: (rate: string) => `${rate}/min`,
    limitAt: (limit: string) => `limit ${limit}`,
    // Patient
    admitted: "Admitted",
    admit: "Admit",
    unit: "Unit",
    ageClass: "Age",
    patientId: "Identifier, not a name",
    chooseAge: "choose",
    ages: { adult: "adult", paediatric: "child", neonatal: "neonate" } as Record<string, string>,
    nobody: "Nobody is admitted to this bed.",
    somebody: "A patient is admitted.",
    transfer: "Transfer",
    toBed: "To bed",
    transferEnds: (from: string, to: string) =>
      `The patient and the device go from ${from} to ${to}. Alarms, pauses, the score and limits of the patient's own go along.`,
    discharge: "Discharge",
    dischargeEnds: (bed: string) =>
      `The stay in ${bed} ends now, and with it every alarm, every pause, the score and limits of the patient's own. It cannot be taken back.`,
    confirmTransfer: "Transfer now",
    confirmDischarge: "Discharge now",
    // Device
    device: "Device",
    connection: "Connection",
    connections: { there: "connected", lost: "lost", away: "away" },
    battery: "Battery",
    notSent: "not sent",
    clock: "Clock",
    clockAgrees: "agrees with the server's",
    clockOff: "is wrong: see the alarm",
    associatedSince: "At this bed since",
    notAssociated: "nobody has said so: the device is a bed of its own name",
    associate: "Associate a device",
    associateEnds:
      "A device that was at this bed, and the bed that this device was at, lose their association.",
    deviceId: "Device id",
    dissociate: "Take it away",
    dissociateEnds: (device: string, bed: string) =>
      `${device} measures at ${bed} no more. What it measures is a bed of its own name.`,
    confirmDissociate: "Take it away now",
  },
};

/** What a language must say; a catalogue is whole or it is none. */
export type Catalogue = typeof english;

/** The words of the language that the page is in. */
export const words: Catalogue = inLanguageOfPage(english);

const SYMBOL: Record<AlarmPriority, string> = {
  [AlarmPriority.HIGH]: "!!!",
  [AlarmPriority.MEDIUM]: "!!",
  [AlarmPriority.LOW]: "!",
  [AlarmPriority.UNSPECIFIED]: "!",
};

/** Which way a metric has gone. */
const ARROWS: Record<string, string> = { LOW: "↓", HIGH: "↑", FALLING: "↘", RISING: "↗" };

const UNITS: Record<string, string> = {
  "mm[Hg]": "mmHg",
  Cel: "°C",
  uV: "µV",
  Ohm: "Ω",
  "1": "",
};

/** A score asks for somebody from its limit on, not beyond it. */
const SCORE_HIGH = "NEWS2_HIGH";

/** The bed of alarms that are about the service itself. */
const SERVICE = "server";

export const prioritySymbol = (priority: AlarmPriority): string => SYMBOL[priority];
export const priorityWords = (priority: AlarmPriority): string => words.priorities[priority];
export const phaseWords = (phase: AlarmPhase): string => words.phases[phase];
export const ageClassWords = (ageClass: AgeClass): string => words.ageClasses[ageClass];
export const inactivationWords = (state: Inactivation): string => words.inactivations[state];
export const bedWords = (bed: string): string => (bed === SERVICE ? words.service : bed);
export const scoreInputWords = (input: string): string => input.replace("O2", "O₂");
export const unitWords = (ucum: string): string => UNITS[ucum] ?? ucum;

/** A metric's name as people write it: SpO₂, NIBP systolic. */
export function metricWords(name: string): string {
  const pressure = /^([A-Z]+)([sdm])( \d+)?$/.exec(name);
  if (pressure !== null) {
    const [, site = "", part = "", instance = ""] = pressure;
    return `${site} ${words.pressureParts[part]}${instance}`;
  }
  return name.replace("O2", "O₂");
}

/**
 * What an alarm is about, in a few characters: "SpO₂ 84 < 85", "connection lost".
 *
 * `live` is the metric's current value, if there is one: where it is beyond the limit too, it
 * is what people see beside these words, so the words follow it.
 */
export function alarmText(alarm: AlarmEvent, live?: number, decimals?: number): string {
  if (alarm.condition === SCORE_HIGH) {
    // An incomplete score may ask for somebody already, and has no total.
    return alarm.value === undefined ? alarm.metric : `${alarm.metric} ${brief(alarm.value)}`;
  }
  const { limit } = alarm;
  const low = isLow(alarm);
  const candidates = [alarm.endedAt === undefined ? live : undefined, alarm.value, alarm.extreme];
  const value = candidates.find(
    (each) => each !== undefined && limit !== undefined && (low ? each < limit : each > limit),
  );
  const shown = value === undefined ? "" : ` ${brief(value, decimals)}`;
  return conditionText(alarm, `${shown} ${low ? "<" : ">"} `, decimals);
}

/**
 * The same where there is little room: "SpO₂ ↓", "link lost". A name that is not made shorter
 * stands whole: the device's own words have no shorter ones.
 */
export function alarmBrief(alarm: AlarmEvent): string {
  const { condition, metric } = alarm;
  if (condition === SCORE_HIGH && alarm.value !== undefined) {
    return words.briefScore(brief(alarm.value));
  }
  const name = metric.replace("O2", "O₂");
  const own = words.brief[condition]?.replace("METRIC", name);
  if (own !== undefined) return own;
  const [way] = /(?<=_)(LOW|HIGH|FALLING|RISING)$/.exec(condition) ?? [];
  if (alarm.text !== "" || way === undefined || metric === "") return alarmText(alarm);
  return `${name} ${ARROWS[way] ?? ""}`;
}

/** What is held back: "SpO₂ alarms off", "sound paused". */
export function heldBackText(held: BedInactivation): string {
  const scope = scopeWords(held);
  const what = inactivationWords(held.state);
  return scope === "" ? what : words.heldBackWhat(scope, what);
}

/** What is left of a pause; empty for what is off. */
export function leftText({ until }: BedInactivation, now: number): string {
  return until === undefined ? "" : span(until - now);
}

/** The same with who, when and why. */
export function heldBackWhole(held: BedInactivation, now: number): string {
  const by = words.heldBackBy(held.by, clockTime(held.since));
  const what = [heldBackText(held), leftText(held, now), by].filter(Boolean).join(" ");
  return [what, held.reason].filter(Boolean).join(": ");
}

/** A metric, or a condition of it; empty for the whole bed. */
export function scopeWords({
  metric,
  condition,
}: Pick<BedInactivation, "metric" | "condition">): string {
  if (condition === "") return metric === "" ? "" : metricWords(metric);
  const [first = "", ...rest] = condition.toLowerCase().split("_");
  // The code begins with the kind of its metric, and the metric's name says more.
  const named = metric.toLowerCase().startsWith(first) ? rest : [first, ...rest];
  const parts = named.map((part) => words.codeParts[part] ?? part);
  return [metric === "" ? "" : metricWords(metric), ...parts].filter(Boolean).join(" ");
}

/** Metrics whose names are not in capitals alone, by how the code of a condition has them. */
const WRITTEN: Record<string, string> = {
  SPO2: "SpO2",
  NIBPS: "NIBPs",
  NIBPD: "NIBPd",
  NIBPM: "NIBPm",
  ABPS: "ABPs",
  ABPD: "ABPd",
  ABPM: "ABPm",
  TEMP: "Temp",
};

/** A condition wherever it was: "SpO₂ low", "value not updated". */
export function conditionWords(code: string): string {
  const own = words.conditions[code];
  if (own !== undefined) return own.replace("METRIC", words.burdenPage.aValue);
  const metric = /^([A-Z0-9]+)_(?:LOW|HIGH|FALLING|RISING)$/.exec(code)?.[1] ?? "";
  return scopeWords({ metric: WRITTEN[metric] ?? metric, condition: code });
}

/** Who set limits of a patient's own, until when and why. */
export function overrideText(metric: string, { by, until, reason }: LimitOverride): string {
  const why = reason === "" ? "" : `: ${reason}`;
  return words.overriddenBy(metricWords(metric), by, clockTime(until)) + why;
}

/** Who goes, or said that they cannot; empty where nobody has answered. */
export function responsibleText({ responsibility, responsible }: AlarmEvent): string {
  switch (responsibility) {
    case Responsibility.ACCEPTED:
      return words.goes(responsible);
    case Responsibility.REJECTED:
      return words.cannotGo(responsible);
    default:
      return "";
  }
}

/** An alarm for a voice, without its value: what moves is not said again and again. */
export function alarmSpoken(alarm: AlarmEvent): string {
  const text = conditionText(alarm, ` ${isLow(alarm) ? words.below : words.above} `);
  return `${bedWords(alarm.bed)} ${text}, ${priorityWords(alarm.priority)}`;
}

function conditionText(alarm: AlarmEvent, relation: string, decimals?: number): string {
  const metric = metricWords(alarm.metric);
  const own = words.conditions[alarm.condition]?.replace("METRIC", metric);
  if (own !== undefined) return [own, alarm.text].filter(Boolean).join(": ");
  // The device's own words.
  if (alarm.text !== "") return alarm.text;
  if (alarm.limit !== undefined) return metric + relation + brief(alarm.limit, decimals);
  // Any other condition is its code in plain letters: "SpO₂ falling".
  return scopeWords(alarm);
}

/** What an alarm of the past was about: "SpO₂ low", "connection lost". */
export function pastAlarmText({
  condition,
  metric,
  text,
}: Pick<AlarmEvent, "condition" | "metric" | "text">): string {
  const own = words.conditions[condition]?.replace("METRIC", metricWords(metric));
  if (own !== undefined) return [own, text].filter(Boolean).join(": ");
  return text || scopeWords({ metric, condition });
}

/** Whether further out is down: a low limit, a fall, a heart that stands still. */
function isLow(alarm: AlarmEvent): boolean {
  return /_(LOW|FALLING)$|^(ASYSTOLE|APNOEA)$/.test(alarm.condition);
}

/** The page's title in the browser's tab: how many alarms, and how bad the worst is. */
export function pageTitle(station: string, ordered: readonly AlarmEvent[]): string {
  const [worst] = ordered;
  if (worst === undefined) return station;
  return `(${ordered.length}) ${prioritySymbol(worst.priority)} ${bedWords(worst.bed)} · ${station}`;
}

/**
 * The furthest value of the occurrence: "lowest 82"; empty where there is none. The value of now
 * may be further out than what the last event told.
 */
export function extremeText(alarm: AlarmEvent, live?: number, decimals?: number): string {
  if (alarm.extreme === undefined || alarm.limit === undefined) return "";
  const [say, furthest] = isLow(alarm)
    ? ([words.lowest, Math.min] as const)
    : ([words.highest, Math.max] as const);
  return say(brief(furthest(alarm.extreme, live ?? alarm.extreme), decimals));
}

/** A number with the digits of its metric; without them, no more than it needs. */
function brief(value: number, decimals?: number): string {
  const text = decimals === undefined ? String(Number(value.toFixed(2))) : value.toFixed(decimals);
  return numberText(text);
}

/** A number's digits with the sign that the language puts before its decimals. */
export function numberText(digits: string): string {
  return digits.replace(".", words.decimalSign);
}

/** Both limits as people write them, "120/50", high first; empty where there are none. */
export function limitsText({ limits, decimals }: MetricDescription): string {
  const { low, high } = nearestLimits(limits);
  if (low === undefined && high === undefined) return "";
  const side = (value: number | undefined): string =>
    value === undefined ? "–" : brief(value, decimals);
  return `${side(high)}/${side(low)}`;
}

/** The limits that are crossed first: MEDIUM where set, else HIGH. */
function nearestLimits(limits: MetricDescription["limits"]): {
  low: number | undefined;
  high: number | undefined;
} {
  return {
    low: limits?.low ?? limits?.extremeLow,
    high: limits?.high ?? limits?.extremeHigh,
  };
}

/** A patient without a name: dots where somebody was admitted, or the identifier, and the age
 * class. */
export function patientWords(patientId: string, ageClass: AgeClass, isShown = false): string {
  const who = patientId === "" || isShown ? patientId : "••••";
  return [who, ageClassWords(ageClass)].filter(Boolean).join(" · ");
}

const two = (value: number): string => String(value).padStart(2, "0");

/** Unix seconds as local time of day, "14:27:36". */
export function clockTime(unix_s: number): string {
  if (!Number.isFinite(unix_s) || unix_s <= 0) return words.never;
  const at = new Date(unix_s * 1000);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
}

/** The time of day, with its date where that is not the day of `now`; both in Unix seconds. */
export function dayTime(unix_s: number, now: number): string {
  const day = new Date(unix_s * 1000);
  if (day.toDateString() === new Date(now * 1000).toDateString()) return clockTime(unix_s);
  const date = new Intl.DateTimeFormat(words.tag, { day: "numeric", month: "short" }).format(day);
  return `${date} ${clockTime(unix_s)}`;
}

/** Unix seconds as local time of day to the minute, "14:27". */
export function minuteTime(unix_s: number): string {
  return clockTime(unix_s).slice(0, 5);
}

/** Unix seconds as day and time of day, "Tue 24, 14:27". */
export function momentText(unix_s: number): string {
  return `${dayText(unix_s)}, ${minuteTime(unix_s)}`;
}

/** The day of a time, "Tue 24". */
export function dayText(unix_s: number): string {
  const at = new Date(unix_s * 1000);
  return `${words.weekdays[at.getDay()]} ${at.getDate()}`;
}

/** A span of time, "0:42" or "1:02:10"; never below zero. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds)) || 0;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  if (hours === 0) return `${minutes}:${two(whole % 60)}`;
  return `${hours}:${two(minutes)}:${two(whole % 60)}`;
}

/** Below this age a value is "now": devices measure once a second, and what flickers is not read. */
const NOW_S = 2.5;

/** How old a value is: "now", "4 s" or "12 min"; "?" where that is not known. */
export function ageText(age_s: number): string {
  if (Number.isNaN(age_s)) return "?";
  if (age_s < NOW_S) return words.now;
  if (age_s < 60) return words.seconds(Math.floor(age_s));
  if (age_s < 2 * 3600) return words.minutes(Math.floor(age_s / 60));
  return words.hours(Math.floor(age_s / 3600));
}
