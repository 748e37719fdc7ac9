/** The targets against the peers, and whether they are reached. */
import type { Figures, Results } from "./figures.ts";

export interface Verdict {
  readonly target: string;
  readonly required: number;
  /** Undefined where it was not measured. */
  readonly reached: number | undefined;
}

const batches = ["first import", "unchanged", "one of eight changed"] as const;

export function verdicts(results: Results): Verdict[] {
  const all: Verdict[] = [];
  const against = (what: string, peer: string, required: number, name: keyof Figures = "perSecond") => {
    const ours = [what, "Rollcall"] as const;
    const theirs = [what, peer] as const;
    const moreIsBetter = name === "perSecond";
    const reached = moreIsBetter ? results.ratio(ours, theirs, name) : results.ratio(theirs, ours, name);
    all.push({ target: `${what}: ${nameOf[name]}, against ${peer}`, required, reached });
  };
  for (const what of ["Identify, Redis", "GetUser, Redis"]) {
    for (const name of ["perSecond", "serverCpu"] as const) {
      against(what, "connect-node", 4.3, name);
      against(what, "grpc-js", 1.5, name);
    }
  }
  for (const what of ["Identify, SQLite", "GetUser, SQLite"]) {
    for (const name of ["perSecond", "serverCpu"] as const) against(what, "connect-node", 4, name);
  }
  against("Identify, one caller", "grpc-js", 1, "p50");
  against("Identify, half of Rollcall's peak", "grpc-js", 1, "p99");
  for (const kind of batches) {
    const what = `BatchIdentify, Redis, ${kind}`;
    for (const peer of ["connect-node", "grpc-js"]) {
      against(what, peer, kind === "one of eight changed" ? 2 : 3);
      against(what, peer, 4, "serverCpu");
    }
    const below = ["Redis alone", "instant store"].map((by) => [by, results.figure(what, by, "perSecond")] as const);
    const [lower] = below.filter(([, figure]) => figure !== undefined).sort(([, a = 0], [, b = 0]) => a - b);
    if (lower !== undefined) against(what, lower[0], 0.7);
    against(`BatchIdentify, SQLite, ${kind}`, "node:sqlite alone", 0.6);
  }
  const one = ["Identify, Redis", "Rollcall"] as const;
  const two = ["Identify, Redis", "Rollcall, 2 workers"] as const;
  const target = "Identify, Redis: a second, with two workers, against one (measured on four cores or more)";
  all.push({ target, required: 1.6, reached: results.ratio(two, one, "perSecond") });
  return all;
}

const nameOf: Readonly<Record<keyof Figures, string>> = {
  perSecond: "a second",
  serverCpu: "for each CPU-second of the server",
  redisCpu: "for each CPU-second of Redis",
  loadCpu: "for each CPU-second of the load",
  p50: "median latency",
  p99: "99th percentile",
};
