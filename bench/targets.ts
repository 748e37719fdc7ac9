/** The targets, and whether they are reached. */
import type { Figures, Results } from "./figures.ts";

export interface Verdict {
  /** What is divided by what. */
  readonly ratio: string;
  readonly bound: "≥" | "≤";
  readonly required: number;
  /** Undefined where it was not measured. */
  readonly reached: number | undefined;
}

/** How `http2` names Rollcall with either layer. */
export const ownHttp2 = "own HTTP/2";
export const nodesHttp2 = "Node's HTTP/2";

/** What was measured, and by whom. */
type Side = readonly [what: string, by: string];

const kinds = ["first import", "unchanged", "one of eight changed"] as const;

/** Those of `compare`. */
export function verdicts(results: Results): Verdict[] {
  const all: Verdict[] = [];
  const against = (what: string, peer: string, required: number, name: keyof Figures = "perSecond") => {
    all.push(verdict(results, name, [what, "Rollcall"], [what, peer], required));
  };
  for (const what of ["Identify, Redis", "GetUser, Redis"]) {
    against(what, "connect-node", 7);
    against(what, "grpc-js", 3);
    against(what, "connect-node", 0.23, "serverCpu");
    against(what, "grpc-js", 0.67, "serverCpu");
  }
  all.push(...verdictsAgainstGo(results, "Rollcall"));
  for (const what of ["Identify, SQLite", "GetUser, SQLite"]) {
    against(what, "connect-node", 4);
    against(what, "connect-node", 0.25, "serverCpu");
  }
  against("Identify, one caller", "grpc-js", 1, "p50");
  against("Identify, half of Rollcall's peak", "grpc-js", 1, "p99");
  for (const kind of kinds) {
    const what = `BatchIdentify, Redis, ${kind}`;
    for (const peer of ["connect-node", "grpc-js"]) {
      against(what, peer, kind === "one of eight changed" ? 2 : 3);
      against(what, peer, 0.25, "serverCpu");
    }
    const below = ["Redis alone", "instant store"].map((by) => [by, results.figure(what, by, "perSecond")] as const);
    const [lower] = below.filter(([, figure]) => figure !== undefined).sort(([, a = 0], [, b = 0]) => a - b);
    if (lower !== undefined) against(what, lower[0], 0.7);
    against(`BatchIdentify, SQLite, ${kind}`, "node:sqlite alone", 0.6);
  }
  // Measured on four cores or more.
  const workers: Side = ["Identify, Redis", "Rollcall, 2 workers"];
  all.push(verdict(results, "perSecond", workers, ["Identify, Redis", "Rollcall"], 1.6));
  return all;
}

/** Those of `http2`. */
export function http2Verdicts(results: Results): Verdict[] {
  const all = verdictsAgainstGo(results, ownHttp2);
  for (const what of ["Identify, Redis", "GetUser, Redis"]) {
    all.push(verdict(results, "perSecond", [what, ownHttp2], [what, "grpc-js"], 3));
    all.push(verdict(results, "perSecond", [what, ownHttp2], [what, "connect-node"], 7));
  }
  const againstNode = (what: string, name: keyof Figures, required: number) => {
    all.push(verdict(results, name, [what, ownHttp2], [what, nodesHttp2], required));
  };
  for (const method of ["Identify", "GetUser"]) againstNode(`${method}, a grpc-go client`, "serverCpu", 0.5);
  for (const method of ["Identify", "GetUser"]) againstNode(`${method}, TLS`, "serverCpu", 0.65);
  for (const kind of kinds) {
    againstNode(`BatchIdentify, Redis, ${kind}`, "perSecond", 1);
    againstNode(`BatchIdentify, Redis, ${kind}`, "serverCpu", 1);
  }
  for (const what of results.measured().filter((each) => each.endsWith("idle connections"))) {
    againstNode(what, "memory", 1);
  }
  return all;
}

function verdictsAgainstGo(results: Results, rollcall: string): Verdict[] {
  const against = (what: string, name: keyof Figures, required: number) =>
    verdict(results, name, [what, rollcall], [what, "Go"], required);
  return [
    against("Identify, Redis", "perSecond", 1.8),
    against("Identify, Redis", "serverCpu", 0.5),
    against("GetUser, Redis", "perSecond", 1.4),
    against("GetUser, Redis", "serverCpu", 0.6),
    ...["Identify", "GetUser"]
      .flatMap((method) => [
        against(`${method}, one caller`, "p50", 1),
        against(`${method}, half of Rollcall's peak`, "p99", 1),
      ])
      // `compare` measures them for Identify alone.
      .filter(({ reached }, at) => reached !== undefined || at < 2),
  ];
}

function verdict(results: Results, name: keyof Figures, over: Side, under: Side, required: number): Verdict {
  const [what, by] = over;
  return {
    ratio: `${what}: ${nameOf[name]}, ${by} ÷ ${under[1]}`,
    bound: name === "perSecond" ? "≥" : "≤",
    required,
    reached: results.ratio(over, under, name),
  };
}

const nameOf: Readonly<Record<keyof Figures, string>> = {
  perSecond: "a second",
  serverCpu: "CPU time of the server",
  redisCpu: "CPU time of Redis",
  loadCpu: "CPU time of the load",
  p50: "median latency",
  p99: "99th percentile",
  memory: "memory of the server",
};
