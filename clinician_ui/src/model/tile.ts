// What stands where in a tile. Places depend on what a bed measures, never on values, so that
// nothing moves while somebody looks.

import type { Bed, Sample } from "./ward";

/** Colour role of a parameter. */
export type Parameter = "hr" | "spo2" | "rr" | "nibp" | "abp" | "temp" | "co2" | "other";

export type Slot =
  | { readonly kind: "single"; readonly sample: Sample }
  | { readonly kind: "pressure"; readonly name: string; readonly parts: readonly Sample[] };

export interface TileLayout {
  /** At most three, large. */
  readonly main: readonly Slot[];
  /** As many as room allows. */
  readonly footer: readonly Slot[];
}

/** The charge of the device: of the equipment, and not among what is measured of the patient. */
export const BATTERY = "Batt";

const MAIN_MAX = 3;
const PRESSURE = /^([A-Z]+)([sdm])( \d+)?$/;
const FOOTER_FIRST = ["NIBP", "ABP", "Temp"];

export function layoutOf(bed: Bed): TileLayout {
  const slots = slotsOf(bed.samples.filter(({ metric }) => metric.name !== BATTERY));
  const singles = slots.filter((slot) => slot.kind === "single");
  const named = (...names: string[]): Slot | undefined =>
    names.map((name) => singles.find(({ sample }) => sample.metric.name === name)).find(Boolean);
  let main = [named("HR", "PR"), named("SpO2"), named("RR")].filter((slot) => slot !== undefined);
  if (main.length === 0) main = singles.slice(0, MAIN_MAX);
  const footer = slots
    .filter((slot) => !main.includes(slot))
    .map((slot, place) => ({ slot, place }))
    .sort((a, b) => rank(a.slot) - rank(b.slot) || a.place - b.place)
    .map(({ slot }) => slot);
  return { main, footer };
}

/** Systolic, diastolic and mean of one site are one slot, where the systolic stands. */
function slotsOf(samples: readonly Sample[]): Slot[] {
  const slots: Slot[] = [];
  const sites = new Map<string, Sample[]>();
  for (const sample of samples) {
    const match = PRESSURE.exec(sample.metric.name);
    if (match === null) {
      slots.push({ kind: "single", sample });
      continue;
    }
    const name = `${match[1]}${match[3] ?? ""}`;
    const parts = sites.get(name);
    if (parts !== undefined) {
      parts.push(sample);
    } else {
      const first = [sample];
      sites.set(name, first);
      slots.push({ kind: "pressure", name, parts: first });
    }
  }
  return slots;
}

function rank(slot: Slot): number {
  const name = slot.kind === "pressure" ? slot.name : slot.sample.metric.name;
  const place = FOOTER_FIRST.indexOf(name);
  return place === -1 ? FOOTER_FIRST.length : place;
}

export function parameterOf(name: string): Parameter {
  if (/^(HR|PR|ECG)/.test(name)) return "hr";
  if (/^(SpO2|Pleth|PI$)/.test(name)) return "spo2";
  if (/^(RR|Resp)/.test(name)) return "rr";
  if (name.startsWith("NIBP")) return "nibp";
  if (/^(ABP|ART|PAP|CVP|ICP)/.test(name)) return "abp";
  if (name.startsWith("Temp")) return "temp";
  if (/CO2/.test(name)) return "co2";
  return "other";
}

/** How many waveforms a tile draws at most: those that its device described first. */
export const WAVES_SHOWN = 3;

/** MDC codes of waveforms: what they are called, and whose colour they have. */
const WAVES: Record<number, readonly [name: string, parameter: Parameter]> = {
  131328: ["ECG", "hr"],
  131329: ["I", "hr"],
  131330: ["II", "hr"],
  131389: ["III", "hr"],
  131390: ["aVR", "hr"],
  131391: ["aVL", "hr"],
  131392: ["aVF", "hr"],
  131395: ["V", "hr"],
  131331: ["V1", "hr"],
  131335: ["V5", "hr"],
  150452: ["Pleth", "spo2"],
  151780: ["Resp", "rr"],
  151552: ["Resp", "rr"],
  150036: ["ABP", "abp"],
  150032: ["ART", "abp"],
  150044: ["PAP", "abp"],
  150084: ["CVP", "abp"],
  153608: ["ICP", "abp"],
  151724: ["CO₂", "co2"],
};

export function waveParameter(code: number): Parameter {
  return WAVES[code]?.[1] ?? "other";
}

/** What a waveform is called; a code that this page does not know has the device's word. */
export function waveName({ code, label }: { code: number; label: string }): string {
  return WAVES[code]?.[0] ?? label;
}

/** What was stored of a waveform has only a name: one that this page knows, or "MDC 151780". */
export function storedWave(name: string): { readonly name: string; readonly parameter: Parameter } {
  const code = Number(/^MDC (\d+)$/.exec(name)?.[1]);
  const known = WAVES[code] ??
    Object.values(WAVES).find(([each]) => each === name) ?? [name, parameterOf(name)];
  return { name: known[0], parameter: known[1] };
}
