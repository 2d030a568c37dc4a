import { describe, expect, test } from "vitest";

import {
  HEARTBEAT_EVERY_S,
  type Link,
  type LinkCommand,
  type LinkEvent,
  newLink,
  NO_SESSION,
  NOT_MONITORING_AFTER_S,
  QUIET_AFTER_S,
  STEADY_AFTER_S,
  step,
} from "../../src/feed/link";

const WALL_LEAD_S = 1_700_000_000;

/** A link and its clocks; reads as a conversation. */
class Played {
  now = 100;
  wallLead_s = WALL_LEAD_S;
  /** What the server's clock counted and the monotone one did not. */
  asleep_s = 0;
  link: Link = newLink(this.#moment());
  commands: readonly LinkCommand[] = [];

  #moment() {
    return { now: this.now, wall: this.now + this.wallLead_s, jitter: 0 };
  }

  happen(event: LinkEvent): this {
    ({ link: this.link, commands: this.commands } = step(this.link, event, this.#moment()));
    return this;
  }

  tick(): this {
    return this.happen({ kind: "tick" });
  }

  /** Looks at the clock four times a second, as the shell does. */
  wait(seconds: number): LinkCommand[] {
    const commands: LinkCommand[] = [];
    for (let passed = 0; passed < seconds; passed += 0.25) {
      this.now += 0.25;
      commands.push(...this.tick().commands);
    }
    return commands;
  }

  opened(connection = this.link.connection): this {
    return this.happen({ kind: "opened", connection });
  }

  /** A frame that was `late_s` on its way. */
  frame(
    frame: "snapshot" | "delta" | "progress",
    { connection = this.link.connection, late_s = 0 } = {},
  ): this {
    const serverClock = WALL_LEAD_S + this.now + this.asleep_s - late_s;
    return this.happen({ kind: "frame", connection, frame, serverClock });
  }

  /** What says nothing of the ward. */
  aside(frame: "closing" | "unknown"): this {
    return this.happen({ kind: "frame", connection: this.link.connection, frame });
  }

  /** The machine sleeps, and its monotone clock with it. */
  sleep(seconds: number): this {
    this.asleep_s += seconds;
    this.wallLead_s += seconds;
    return this;
  }

  closed(code = 1006): this {
    return this.happen({ kind: "closed", connection: this.link.connection, code });
  }
}

function live(): Played {
  return new Played().tick().opened().frame("snapshot");
}

describe("a link that comes up", () => {
  test("opens at once, subscribes when it is open, and lives with its snapshot", () => {
    const played = new Played();
    expect(played.link.phase).toBe("connecting");
    expect(played.tick().commands).toEqual(["open"]);
    expect(played.opened().commands).toEqual(["subscribe"]);
    expect(played.link.phase).toBe("connecting");
    expect(played.frame("snapshot").commands).toEqual(["take"]);
    expect(played.link.phase).toBe("live");
  });

  test("shows nothing of a delta that comes before the snapshot", () => {
    const played = new Played().tick().opened().frame("delta");
    expect(played.commands).toEqual([]);
    expect(played.link.phase).toBe("connecting");
  });

  test("is NOT_MONITORING when no server answers for five seconds", () => {
    const played = new Played().tick();
    played.wait(NOT_MONITORING_AFTER_S - 0.25);
    expect(played.link.phase).toBe("connecting");
    played.wait(0.25);
    expect(played.link.phase).toBe("NOT_MONITORING");
  });
});

describe("a live link", () => {
  test("is quiet after two seconds without a frame, and live again with the next", () => {
    const played = live();
    played.wait(QUIET_AFTER_S);
    expect(played.link.phase).toBe("quiet");
    expect(played.frame("progress").link.phase).toBe("live");
  });

  test("stays live on progress alone", () => {
    const played = live();
    for (let second = 0; second < 60; second++) {
      played.wait(1);
      played.frame("progress");
      expect(played.link.phase).toBe("live");
    }
  });

  test("is NOT_MONITORING after exactly five seconds without a frame, though its socket is open [STATION-1]", () => {
    const played = live();
    played.wait(NOT_MONITORING_AFTER_S - 0.25);
    expect(played.link.phase).toBe("quiet");
    played.now += 0.25;
    expect(played.tick().commands).toContain("drop");
    expect(played.link.phase).toBe("NOT_MONITORING");
  });

  test("proves every five seconds that it lives", () => {
    const played = live();
    let heartbeats = 0;
    for (let second = 0; second < 4 * HEARTBEAT_EVERY_S; second++) {
      heartbeats += played.wait(1).filter((command) => command === "heartbeat").length;
      played.frame("progress");
    }
    expect(heartbeats).toBe(4);
  });

  test("gives up a connection that sends what is not of the contract", () => {
    const played = live().happen({ kind: "garbled", connection: 1 });
    expect(played.commands).toEqual(["drop"]);
    expect(played.link.phase).toBe("quiet");
  });
});

describe("a link that was NOT_MONITORING", () => {
  function dark(): Played {
    const played = live();
    played.wait(NOT_MONITORING_AFTER_S);
    return played;
  }

  test("is not ended by a late frame of the old connection", () => {
    const played = dark();
    expect(played.frame("progress", { connection: 1 }).link.phase).toBe("NOT_MONITORING");
    expect(played.frame("delta", { connection: 1 }).commands).not.toContain("take");
  });

  test("is ended only by a snapshot on a new connection [STATION-2]", () => {
    const played = dark();
    expect(played.wait(1)).toContain("open");
    expect(played.link.connection).toBe(2);
    expect(played.opened().commands).toEqual(["subscribe"]);
    expect(played.frame("progress").link.phase).toBe("NOT_MONITORING");
    expect(played.frame("snapshot").link.phase).toBe("live");
  });

  test("gives up a connection that opens and then says nothing", () => {
    const played = dark();
    played.wait(1);
    played.opened();
    expect(played.wait(5)).toContain("drop");
    expect(played.link.phase).toBe("NOT_MONITORING");
  });
});

describe("a machine that slept", () => {
  test("is NOT_MONITORING where the monotone clock went on in sleep", () => {
    const played = live();
    played.now += 3600;
    expect(played.tick().link.phase).toBe("NOT_MONITORING");
  });

  test("is NOT_MONITORING where the monotone clock stood still in sleep [STATION-1]", () => {
    const played = live();
    played.wallLead_s += 3600;
    expect(played.tick().link.phase).toBe("NOT_MONITORING");
  });

  test("does not take the frame that waited for it to wake", () => {
    const played = live();
    played.now += 3600;
    expect(played.frame("delta").commands).not.toContain("take");
    expect(played.link.phase).toBe("NOT_MONITORING");
  });

  test("counts a sleep of some seconds to the silence before it [STATION-80]", () => {
    const played = live();
    played.wait(1.5);
    expect(played.sleep(2).tick().link.phase).toBe("quiet");
    expect(played.link.silent_s).toBeCloseTo(3.5);
    expect(played.sleep(1.5).tick().link.phase).toBe("NOT_MONITORING");
  });

  test("is asked for a new snapshot at once when it wakes [STATION-82]", () => {
    const played = live();
    expect(played.sleep(3600).tick().commands).toEqual(["drop", "open"]);
    expect(played.opened().frame("snapshot").link.phase).toBe("live");
  });

  test("takes no snapshot that waited for it to wake [STATION-80]", () => {
    const played = new Played().tick().opened();
    played.sleep(3600);
    expect(played.frame("snapshot").commands).toEqual(["drop", "open"]);
    expect(played.link.phase).toBe("NOT_MONITORING");
  });

  test("a wall clock that is set back by 4 s does not matter", () => {
    const played = live();
    played.wallLead_s -= 4;
    expect(played.tick().link.phase).toBe("live");
  });

  test("a wall clock that is set forward by 4 s counts as silence until the next frame", () => {
    const played = live();
    played.wallLead_s += 4;
    expect(played.tick().link.phase).toBe("quiet");
    expect(played.frame("progress").link.phase).toBe("live");
  });

  test.each([3600, -3600])(
    "a wall clock that is set by %s s costs a new snapshot, and no more [STATION-80]",
    (set_s) => {
      const played = live();
      played.wallLead_s += set_s;
      expect(played.tick().link.phase).toBe("NOT_MONITORING");
      expect(played.commands).toEqual(["drop", "open"]);
      expect(played.opened().frame("snapshot").link.phase).toBe("live");
      played.now += 1;
      expect(played.tick().link.phase).toBe("live");
    },
  );

  test("a wall clock that is set again and again does not bring a connection each time", () => {
    const played = live();
    let opened = 0;
    for (let look = 0; look < 40; look++) {
      played.now += 0.25;
      played.wallLead_s += look % 2 === 0 ? 60 : -60;
      opened += played.tick().commands.filter((command) => command === "open").length;
    }
    expect(opened).toBeLessThanOrEqual(5);
  });
});

describe("a feed that is late", () => {
  test("is quiet when its frames are two seconds old, and NOT_MONITORING at five [STATION-81]", () => {
    const played = live();
    played.wait(1);
    expect(played.frame("delta", { late_s: 1 }).link.phase).toBe("live");
    expect(played.frame("delta", { late_s: 3 }).link.phase).toBe("quiet");
    expect(played.frame("delta", { late_s: 6 }).commands).toEqual(["drop"]);
    expect(played.link.phase).toBe("NOT_MONITORING");
  });

  test("is NOT_MONITORING when all that comes says nothing of the ward [STATION-81]", () => {
    const played = live();
    for (let second = 0; second < NOT_MONITORING_AFTER_S; second++) {
      played.wait(1);
      played.aside("unknown").aside("closing");
    }
    expect(played.link.phase).toBe("NOT_MONITORING");
  });

  test("is given up where a connection lives and brings no snapshot", () => {
    const played = new Played().tick().opened();
    const commands: LinkCommand[] = [];
    for (let second = 0; second < 6; second++) {
      commands.push(...played.wait(1));
      played.frame("progress");
    }
    expect(commands).toContain("drop");
  });
});

describe("a link that was closed", () => {
  test("waits before it connects again, longer after each failure, at most five seconds [STATION-10]", () => {
    const played = live();
    const waits: number[] = [];
    for (let failure = 0; failure < 6; failure++) {
      played.closed();
      const closedAt = played.now;
      while (played.link.socket === "none") played.wait(0.25);
      waits.push(played.now - closedAt);
    }
    expect(waits).toEqual([0.5, 1, 2, 4, 5, 5]);
  });

  test("starts with the shortest wait again after a connection that lasted [STATION-83]", () => {
    const played = live().closed();
    played.wait(0.5);
    played.opened().frame("snapshot").closed();
    expect(played.link.failures).toBe(2);
    played.wait(1);
    played.opened().frame("snapshot");
    expect(played.link.failures).toBe(2);
    for (let second = 0; second < STEADY_AFTER_S; second++) {
      played.wait(1);
      played.frame("progress");
    }
    expect(played.link.failures).toBe(0);
  });

  test("says at once that it is quiet, and is live with the next snapshot", () => {
    const played = live().closed();
    expect(played.link.phase).toBe("quiet");
    played.wait(0.5);
    expect(played.opened().frame("snapshot").link.phase).toBe("live");
  });

  test("is signed out for good where there is no session [STATION-9]", () => {
    const played = live().closed(NO_SESSION);
    expect(played.link.phase).toBe("signed_out");
    expect(played.wait(60)).toEqual([]);
    expect(played.link.phase).toBe("signed_out");
  });

  test("is signed out for good where the handshake was refused for want of a session", () => {
    const played = new Played().tick().closed().happen({ kind: "no_session" });
    expect(played.link.phase).toBe("signed_out");
    expect(played.commands).toContain("drop");
    expect(played.wait(60)).toEqual([]);
  });
});
