import { PackedReader } from "../packed/buffer.ts";
import { runScript } from "./call-runner.ts";
import { patiently } from "./patience.ts";
import { loadScript } from "./script.ts";
import type { Servers } from "./servers/servers.ts";

/** The members of one step, about. */
const stepMembers = 100;

const script = loadScript("verify-set");

/** A step through a sorted set of a partition. */
export interface SetStep {
  /** Whether the key is a sorted set, or not there. */
  readonly isSet: boolean;
  readonly expires: boolean;
  readonly members: readonly Buffer[];
}

/** Walks over a sorted set. A member that is there throughout is read at least once. */
export async function* stepsThrough(servers: Servers, partition: number, key: string): AsyncGenerator<SetStep> {
  let cursor = "0";
  do {
    const call = { script, keys: [key], args: [cursor, stepMembers], writes: false };
    const { bytes } = await patiently(() => runScript(servers, partition, call));
    const reader = new PackedReader(bytes);
    const isSet = reader.u8() === 1;
    const expires = reader.u8() === 1;
    cursor = reader.shortText();
    const members = Array.from({ length: reader.u32() }, () => Buffer.from(reader.bytes()));
    yield { isSet, expires, members };
  } while (cursor !== "0");
}
