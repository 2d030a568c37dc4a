// Proves that `npm run check:types` can fail: a checker that is set up wrongly finds nothing and
// looks as if all were well. Runs it on Wrong.svelte, which has one fault in its script and one
// in its markup, and fails unless both are reported.

import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FAULTS = [
  "Type 'string' is not assignable to type 'number'",
  "Property 'toUpperCase' does not exist on type 'number'",
];

const seeded = dirname(fileURLToPath(import.meta.url));
const checker = join(seeded, "../node_modules/svelte-check/bin/svelte-check");
const { status, stdout } = spawnSync(
  process.execPath,
  [checker, "--workspace", seeded, "--tsconfig", join(seeded, "tsconfig.json")],
  { encoding: "utf8" },
);
const unnoticed = FAULTS.filter((fault) => !stdout.includes(fault));
if (status === 0 || unnoticed.length > 0) {
  process.stderr.write(`svelte-check did not report: ${unnoticed.join("; ")}\n${stdout}`);
  process.exit(1);
}
