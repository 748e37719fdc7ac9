/** What differs between the answers of two servers to one conversation. */
import type { Observed } from "./converse.ts";
import { type ObservedStream, summaryOf } from "./received-frames.ts";

export interface Difference {
  readonly where: string;
  readonly own: string;
  readonly node: string;
}

const nothing = "nothing";

export function differencesBetween(own: Observed, node: Observed): Difference[] {
  const differences: Difference[] = [];
  const compare = (where: string, ours: string, theirs: string) => {
    if (ours !== theirs) differences.push({ where, own: ours, node: theirs });
  };
  compare("the connection", own.connection, node.connection);
  const ids = idsOf(own, node);
  const settled = Math.min(own.settled.length, node.settled.length);
  for (const id of ids) {
    // After its first difference, a stream has others.
    for (let at = 0, before = differences.length; at < settled && differences.length === before; at++) {
      const [ours, theirs] = [own.settled[at]?.get(id), node.settled[at]?.get(id)];
      compare(`stream ${id} at ${at}`, shown(ours), shown(theirs));
    }
  }
  if (own.connection === "open" && node.connection === "open") {
    compare("the answers to PING", own.pongs.join(), node.pongs.join());
    compare("the answers to SETTINGS", String(own.settingsAcks), String(node.settingsAcks));
  } else {
    // What was sent before the end is up to chance.
    for (const id of ids) {
      const ours = own.streams.get(id);
      const theirs = node.streams.get(id);
      if (!agree(ours, theirs)) compare(`stream ${id}`, shown(ours), shown(theirs));
    }
  }
  return differences;
}

/** Streams but those that the client has reset: how far their answers came is up to chance. */
function idsOf(own: Observed, node: Observed): number[] {
  const ids = new Set([...own.streams.keys(), ...node.streams.keys()]);
  return [...ids].filter((id) => !own.resets.has(id) && !node.resets.has(id)).sort((a, b) => a - b);
}

function shown(stream: ObservedStream | undefined): string {
  return stream === undefined ? nothing : summaryOf(stream);
}

/** Whether one answer goes on where the other stops. */
function agree(one: ObservedStream | undefined, other: ObservedStream | undefined): boolean {
  if (one === undefined || other === undefined) return true;
  if (one.end.startsWith("reset") || other.end.startsWith("reset")) {
    return one.end === other.end || one.end === "open" || other.end === "open";
  }
  if (one.end === "end" && other.end === "end") return summaryOf(one) === summaryOf(other);
  const [long, short] = one.body.length >= other.body.length ? [one, other] : [other, one];
  return (
    startsWith(long.statuses, short.statuses) &&
    startsWith(long.headers, short.headers) &&
    long.body.subarray(0, short.body.length).equals(short.body)
  );
}

function startsWith(one: readonly string[], other: readonly string[]): boolean {
  const length = Math.min(one.length, other.length);
  return one.slice(0, length).join() === other.slice(0, length).join();
}
