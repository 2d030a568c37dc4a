// The station on a made-up ward: `npm run dev`, then /mock.html?beds=16&scenario=alarming.
// &waves=2&hz=250 asks for other waveforms than the usual.

import "../src/view/theme.css";

import { mount } from "svelte";

import { Acts } from "../src/feed/acts";
import { WebSpeaker } from "../src/sound/speaker";
import { Station } from "../src/station.svelte";
import StationView from "../src/view/Station.svelte";
import { MockWard } from "./mock";

const asked = new URLSearchParams(location.search);
const numberOf = (name: string): number | undefined => Number(asked.get(name)) || undefined;
const ward = new MockWard(
  Number(asked.get("beds") ?? 16),
  asked.get("scenario") === "calm" ? "calm" : "alarming",
  { waves: numberOf("waves"), hz: numberOf("hz") },
);
const station = new Station(ward, new Acts(ward.post), new WebSpeaker());
station.person.session = { user: "demo", role: "clinician", locked: false, unlocksBy: "" };
mount(StationView, { target: document.body, props: { station } });
station.start();
// ?freeze=10 stops the made-up server after ten seconds.
const freeze_s = Number(asked.get("freeze") ?? 0);
if (freeze_s > 0) setTimeout(() => (ward.frozen = true), freeze_s * 1000);
