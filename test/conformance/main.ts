/**
 * The Connect conformance suite against the server's own listener and both of its ways in for gRPC: `npm run
 * test:conformance`. What follows `--` goes to the runner, as `-- --trace`. The runner prints how many cases passed and
 * failed, and its exit status is this program's.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const here = import.meta.dirname;
const root = join(here, "..", "..");
const runner = join(root, ".tools", "conformance", "connectconformance");

const child = spawn(
  runner,
  [
    ...["--mode", "server", "--conf", join(here, "config.yaml"), ...process.argv.slice(2)],
    ...["--", process.execPath, join(here, "server.ts")],
  ],
  {
    env: { ...process.env, NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "node") },
    stdio: ["ignore", "inherit", "inherit"],
  },
);
const [status] = await once(child, "close");
process.exitCode = status ?? 1;
