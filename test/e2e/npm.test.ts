/** `npm start` and `npx rollcall serve`: the processes that a person starts, and may tell to end. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { holdCall } from "../support/held-call.ts";
import { listenTo } from "../support/personal-data.ts";
import { inFull } from "../support/repeats.ts";
import { openTerminal } from "../support/terminal.ts";
import { until } from "../support/until.ts";

const root = new URL("../../", import.meta.url).pathname;
/** Versions of npm, and what to run each with; the one that is installed has no version here. */
const versions = inFull ? ["installed", "10", "11"] : ["installed"];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-npm-"));
  for (const version of versions.slice(1)) {
    execFileSync("npm", ["install", "--prefix", join(directory, version), "--no-audit", "--no-fund", `npm@${version}`]);
  }
}, 120_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** @param name npm or npx */
function command(name: string, version: string): readonly [string, ...string[]] {
  if (version === "installed") return [name];
  return [process.execPath, join(directory, version, "node_modules", "npm", "bin", `${name}-cli.js`)];
}

/** A project that has installed the package, with the shell that npm takes by itself. */
function projectWithRollcall(): string {
  const project = mkdtempSync(join(directory, "project-"));
  const detached = "rollcall serve & until [ -e ready ]; do sleep 0.1; done";
  const scripts = { serve: "rollcall serve", detached };
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "project", scripts }));
  mkdirSync(join(project, "node_modules", ".bin"), { recursive: true });
  symlinkSync(root, join(project, "node_modules", "rollcall"));
  symlinkSync("../rollcall/bin/rollcall.js", join(project, "node_modules", ".bin", "rollcall"));
  return project;
}

function environment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(ROLLCALL_|npm_)/.test(name));
  return {
    ...Object.fromEntries(inherited),
    PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
    NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "node"),
    npm_config_cache: join(directory, "cache"),
    npm_config_update_notifier: "false",
    ROLLCALL_LISTEN: "127.0.0.1:0",
    ROLLCALL_STORE: `sqlite:${join(mkdtempSync(join(directory, "store-")), "users.db")}`,
  };
}

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
  /** All processes that it consists of. */
  readonly pids: readonly number[];
  readonly log: () => string;
  /** Resolves with its exit status and the signal that ended it. */
  readonly ended: Promise<unknown[]>;
}

/** Starts a server in a group of its own, and waits until it serves. */
async function start([program, ...args]: readonly [string, ...string[]], cwd = root): Promise<Started> {
  const child = spawn(program, args, { cwd, env: environment(), detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let log = "";
  child.stdout.setEncoding("utf8").on("data", (piece) => {
    output += piece;
  });
  const told = listenTo("a server that npm runs");
  child.stderr.setEncoding("utf8").on("data", (piece) => {
    log += piece;
    told(piece);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} cannot be started`);
  onTestFinished(() => {
    for (const one of processesOf(pid)) process.kill(one, "SIGKILL");
  });
  const ended = once(child, "exit");
  const url = await addressIn(() => output);
  return { child, url, pids: processesOf(pid), log: () => log, ended };
}

/** Where a server says that it serves, once it does. */
async function addressIn(output: () => string): Promise<string> {
  let url: string | undefined;
  await until(() => {
    url = /https?:\/\/[\d.:]+\d/.exec(output())?.[0];
    return url !== undefined;
  }, 20_000);
  return String(url);
}

/** Those of a group that have not ended: proc_pid_stat(5). */
function processesOf(group: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const [, state, , of] = statOf(Number(name)) ?? [];
      return Number(of) === group && state !== "Z" ? [Number(name)] : [];
    });
}

/** What follows a process' name, from its state on. */
function statOf(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\)/s, "").split(" ");
  } catch {
    return undefined;
  }
}

const refuses = (url: string) =>
  fetch(url).then(
    () => false,
    () => true,
  );

/** A call that was under way when the signal came is answered, and no process is left. */
async function expectDrain({ url, pids, log }: Pick<Started, "url" | "pids" | "log">, signal: () => void) {
  const call = await holdCall(url);
  signal();
  await until(() => refuses(url));
  expect(await call.finish()).toBe(404);
  await until(() => pids.every((pid) => [undefined, "Z"].includes(statOf(pid)?.[1])));
  expect(log()).not.toContain("at once");
}

const signals = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
/** For what differs little from `npm start`. */
const fewSignals = inFull ? signals : (["SIGINT"] as const);

describe.each(versions)("npm, %s", (version) => {
  test.each(signals)("%s to npm start lets the server drain", async (signal) => {
    const started = await start([...command("npm", version), "start"]);
    await expectDrain(started, () => started.child.kill(signal));
    // npm hands on the server's status, unless SIGHUP has ended it before.
    expect(await started.ended).toEqual(signal === "SIGHUP" ? [null, signal] : [0, null]);
  });

  test.each(fewSignals)("%s to npm run rollcall -- serve lets the server drain", async (signal) => {
    const started = await start([...command("npm", version), "run", "rollcall", "--", "serve"]);
    await expectDrain(started, () => started.child.kill(signal));
  });

  test.each(signals)("%s to npx rollcall serve lets the server drain", async (signal) => {
    const started = await start([...command("npx", version), "rollcall", "serve"]);
    await expectDrain(started, () => started.child.kill(signal));
  });

  test.each(fewSignals)("%s to all processes of npm start lets the server drain", async (signal) => {
    const started = await start([...command("npm", version), "start"]);
    await expectDrain(started, () => process.kill(-Number(started.child.pid), signal));
  });

  // Where its shell is Debian's, SIGINT to npx alone reaches nobody.
  test.each(["SIGTERM", "SIGHUP"] as const)("%s to npx in another project lets the server drain", async (signal) => {
    const started = await start([...command("npx", version), "rollcall", "serve"], projectWithRollcall());
    await expectDrain(started, () => started.child.kill(signal));
  });

  test.each(["SIGTERM", "SIGHUP"] as const)(
    "%s to npm run in another project lets the server drain",
    async (signal) => {
      const started = await start([...command("npm", version), "run", "serve"], projectWithRollcall());
      await expectDrain(started, () => started.child.kill(signal));
    },
  );
});

test("a server that a script leaves in the background outlives npm", async () => {
  const project = projectWithRollcall();
  const started = await start([...command("npm", "installed"), "run", "detached"], project);
  writeFileSync(join(project, "ready"), "");
  expect(await started.ended).toEqual([0, null]);
  const call = await holdCall(started.url);
  // Several times as long as a server takes to see that npm has ended: that nothing happens cannot be waited for.
  await pause(1_000);
  expect(await call.finish()).toBe(404);
  expect(started.log()).not.toContain("stopping");
});

/** A server on a terminal, which shows what it logs. */
async function startOnTerminal(words: string) {
  const pidFile = join(mkdtempSync(join(directory, "terminal-")), "pid");
  const variables = Object.entries(environment()).filter(([name]) => /^(ROLLCALL_|npm_|PATH)/.test(name));
  const settings = variables.map(([name, value]) => `${name}='${value}'`).join(" ");
  const terminal = openTerminal(
    `cd '${root}' && echo $$ > '${pidFile}' && env ${settings} ${words}; echo "status $?"`,
    300,
  );
  onTestFinished(() => terminal.stop());
  const url = await addressIn(() => terminal.screen());
  const session = Number(readFileSync(pidFile, "utf8"));
  const pids = readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== session && Number(statOf(pid)?.[4]) === session);
  return { terminal, url, pids };
}

const started = ["npm start", "npx rollcall serve"];

test.each(started)("Ctrl-C at %s lets the server drain", async (words) => {
  const { terminal, url, pids } = await startOnTerminal(words);
  await expectDrain({ url, pids, log: () => terminal.screen() }, () => terminal.keys("C-c"));
  await until(() => terminal.screen().includes("status 0"));
  expect(terminal.screen()).toContain('"stopped"');
});

test.each(started)("a terminal that is closed lets the server of %s drain", async (words) => {
  const { terminal, url, pids } = await startOnTerminal(words);
  await expectDrain({ url, pids, log: () => "" }, () => terminal.stop());
});
