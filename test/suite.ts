/** Runs one of the long suites, which are no part of `npm test`: `npm run test:suite -- NAME [OPTIONS]`. */
import { spawnSync } from "node:child_process";

interface Suite {
  readonly about: string;
  /** A command that installs or generates what the suite needs, as a shell reads it. */
  readonly prepare?: string;
  readonly run: () => Promise<unknown>;
}

const programs = "node scripts/ensure-programs.ts";
const interopStubs =
  "buf generate test/conformance/interop/proto --template scripts/generate/buf.gen.conformance.yaml --output test/conformance/interop";

const suites: Readonly<Record<string, Suite>> = {
  chaos: { about: "Redis fails again and again under load", prepare: programs, run: () => import("./chaos.ts") },
  clients: { about: "the clients of all languages", prepare: programs, run: () => import("./clients/main.ts") },
  conformance: {
    about: "the Connect conformance suite, and h2spec",
    prepare: "node scripts/conformance-tools.ts",
    run: () => import("./conformance/main.ts"),
  },
  exercises: {
    about: "HTTP/2 clients and proxies of others",
    prepare: `${programs} curl openssl nginx haproxy`,
    run: () => import("./clients/exercises/main.ts"),
  },
  hostile: { about: "hostile clients and costly requests", prepare: programs, run: () => import("./hostile/main.ts") },
  "http2-fuzz": { about: "random frames to both HTTP/2 layers", run: () => import("./http2/fuzz.ts") },
  imports: { about: "imports of a million users", run: () => import("./imports/main.ts") },
  interop: {
    about: "gRPC's interop cases",
    prepare: interopStubs,
    run: () => import("./conformance/interop/main.ts"),
  },
  restarts: { about: "50 restarts under load", prepare: programs, run: () => import("./restarts.ts") },
  soak: { about: "faulty clients for ten minutes, then a check for leaks", run: () => import("./soak/main.ts") },
  web: { about: "a web page in Chromium", prepare: `${programs} chromium`, run: () => import("./web/main.ts") },
};

// The suite reads the rest of the command line.
const [name = ""] = process.argv.splice(2, 1);
const suite = suites[name];
if (suite === undefined) {
  const list = Object.entries(suites).map(([known, { about }]) => `  ${known.padEnd(13)}${about}`);
  console.error(`Run npm run test:suite -- NAME, with one of these names:\n${list.join("\n")}`);
  process.exitCode = 2;
} else if (suite.prepare === undefined || prepares(suite.prepare)) {
  await suite.run();
}

/** @returns whether the command succeeded; otherwise this process exits with its status */
function prepares(command: string): boolean {
  const { status } = spawnSync(command, { shell: true, stdio: "inherit" });
  process.exitCode = status ?? 1;
  return status === 0;
}
