import { BEAT_MS } from "./period";

setInterval(() => postMessage(null), BEAT_MS);
