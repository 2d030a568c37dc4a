import "./view/theme.css";

import { mount } from "svelte";

import { Acts } from "./feed/acts";
import { Sessions } from "./feed/session";
import { browserWorld } from "./feed/socket";
import { WebSpeaker } from "./sound/speaker";
import { Station } from "./station.svelte";
import StationView from "./view/Station.svelte";

const sessions = new Sessions();

/** Whether the server knows this session; unknown counts as yes, and the link tries again. */
async function hasSession(): Promise<boolean> {
  try {
    return (await sessions.look()) !== null;
  } catch {
    // The server does not answer at all, which says nothing about the session.
    return true;
  }
}

const url = new URL("/v1/watch", location.href);
url.protocol = url.protocol.replace("http", "ws");
const station = new Station(
  browserWorld(url.href, hasSession),
  new Acts(),
  new WebSpeaker(),
  sessions,
);
mount(StationView, { target: document.body, props: { station } });
station.start();
