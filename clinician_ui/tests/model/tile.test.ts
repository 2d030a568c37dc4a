import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { layoutOf, parameterOf, waveName, storedWave } from "../../src/model/tile";
import { wardOf } from "../../src/model/ward";
import { MetricDescriptionSchema } from "../../src/wire/rpm_service/v1/monitoring_pb";
import { bedOf, described, numerics, snapshot } from "../support/frames";

function layout(names: string[], values: number[] = []) {
  const metrics = names.map((name) => create(MetricDescriptionSchema, { name }));
  const frame = snapshot({ beds: [described({ metrics })], numerics: [numerics(1, values)] });
  const { main, footer } = layoutOf(bedOf(wardOf(frame)));
  const name = (slot: (typeof footer)[number]) =>
    slot.kind === "single" ? slot.sample.metric.name : slot.name;
  return { main: main.map(name), footer: footer.map(name) };
}

test("heart rate, SpO2 and respiration are large, in this order", () => {
  expect(layout(["Temp", "RR", "SpO2", "HR"]).main).toEqual(["HR", "SpO2", "RR"]);
});

test("the pulse stands for a heart rate that is not measured, else in the footer", () => {
  expect(layout(["PR", "SpO2"]).main).toEqual(["PR", "SpO2"]);
  expect(layout(["HR", "PR", "SpO2"])).toEqual({ main: ["HR", "SpO2"], footer: ["PR"] });
});

test("places do not depend on values", () => {
  const names = ["HR", "SpO2", "RR", "Temp"];
  expect(layout(names, [NaN, 0, 12, 37])).toEqual(layout(names, [72, 98, NaN, NaN]));
});

test("the parts of a pressure are one, and pressures come first in the footer", () => {
  const { footer } = layout([
    "HR",
    "Temp",
    "EtCO2",
    "ABPs",
    "NIBPs",
    "NIBPd",
    "ABPd",
    "NIBPm",
    "ABPs 2",
  ]);
  expect(footer).toEqual(["NIBP", "ABP", "Temp", "EtCO2", "ABP 2"]);
});

test("a bed that measures none of the usual shows what it has", () => {
  const { main, footer } = layout(["CVPm", "EtCO2", "FiO2", "PI", "X"]);
  expect(main).toEqual(["EtCO2", "FiO2", "PI"]);
  expect(footer).toEqual(["CVP", "X"]);
});

test("a metric that this page does not know has a colour and stays in view", () => {
  expect(layout(["HR", "VENDOR"]).footer).toEqual(["VENDOR"]);
  expect(parameterOf("VENDOR")).toBe("other");
});

test("a waveform of an unknown code has the device's word", () => {
  expect(waveName({ code: 131330, label: "x" })).toBe("II");
  expect(waveName({ code: 1, label: "Flow" })).toBe("Flow");
});

test("a stored waveform has the name and the colour of the one that is drawn", () => {
  expect(storedWave("II")).toEqual({ name: "II", parameter: "hr" });
  expect(storedWave("MDC 151780")).toEqual({ name: "Resp", parameter: "rr" });
  expect(storedWave("MDC 1")).toEqual({ name: "MDC 1", parameter: "other" });
});
