/** Examines the entries in a partition's indexes: each must have its user. */
import { numberOfEntry, readEntry } from "../../users/indexes/entries.ts";
import type { Index } from "../../users/indexes/indexed-property.ts";
import type { UserId } from "../../users/user-id.ts";
import { PackedReader } from "../packed/buffer.ts";
import { startsIn } from "../packed/indexed-edits.ts";
import type { Finding } from "../verify/verifier.ts";
import { runScript } from "./call-runner.ts";
import { entryHome, userOfEntry } from "./entry-homes.ts";
import type { Keys } from "./keys.ts";
import { patiently } from "./patience.ts";
import { loadScript } from "./script.ts";
import type { Servers } from "./servers/servers.ts";
import type { PartitionChecks } from "./verify-partitions.ts";
import { stepsThrough } from "./verify-sets.ts";

/** The entries of one script. A small set is read as a whole. */
const maxEntries = 100;

const script = loadScript("verify-entries");

const places = ["no", "yes", "with a score"] as const;

/** An entry and the user that it names. */
interface Entry {
  readonly bytes: Buffer;
  readonly id: UserId;
  /** Number and value. */
  readonly start: Uint8Array;
}

export class EntryChecks {
  readonly #servers: Servers;
  readonly #keys: Keys;
  readonly #partitions: PartitionChecks;

  constructor(servers: Servers, keys: Keys, partitions: PartitionChecks) {
    this.#servers = servers;
    this.#keys = keys;
    this.#partitions = partitions;
  }

  /** The findings of a few entries at a time. */
  async *find(partition: number): AsyncGenerator<readonly Finding[]> {
    for await (const { members } of stepsThrough(this.#servers, partition, this.#keys.entries(partition))) {
      for (let at = 0; at < members.length; at += maxEntries) {
        yield this.#inspect(partition, members.slice(at, at + maxEntries));
      }
    }
  }

  async #inspect(partition: number, members: readonly Buffer[]): Promise<Finding[]> {
    const entries = members.map((bytes): Entry | undefined => {
      const read = readEntry(bytes);
      const start = read && bytes.subarray(0, bytes.length - Buffer.byteLength(read.id));
      return read && start && { bytes, id: read.id, start };
    });
    const findings: Finding[] = [];
    if (entries.includes(undefined)) {
      const id = Buffer.from(this.#keys.entries(partition));
      findings.push({ id, check: "entries", problem: "has an entry that cannot be read" });
    }
    const readable = entries.filter((entry) => entry !== undefined);
    const indexes = this.#partitions.ruleOf(partition).indexes;
    for (const [at, problem] of (await this.#problemsOf(partition, readable, indexes)).entries()) {
      const entry = readable[at];
      if (problem === undefined || entry === undefined) continue;
      // The user, or the configuration, may have changed meanwhile.
      const { indexes: current } = await this.#partitions.currentRuleOf(partition);
      const [second] = await this.#problemsOf(partition, [entry], current);
      if (second !== undefined) findings.push({ id: Buffer.from(entry.id), check: "entries", problem: second });
    }
    return findings;
  }

  /** @param indexes undefined if they are not known */
  async #problemsOf(
    partition: number,
    entries: readonly Entry[],
    indexes: readonly Index[] | undefined,
  ): Promise<(string | undefined)[]> {
    if (entries.length === 0 || indexes === undefined) return [];
    const call = {
      script,
      keys: [
        this.#keys.entries(partition),
        ...entries.map(({ id }) => userOfEntry(this.#servers, this.#keys, partition, id)),
      ],
      args: entries.map(({ bytes }) => bytes),
      writes: false,
    };
    const reader = new PackedReader((await patiently(() => runScript(this.#servers, partition, call))).bytes);
    return entries.map(({ start }) => {
      const place = places[reader.u8()];
      const isUser = reader.u8() === 1;
      const own = startsIn(reader.bytes()) ?? [];
      const number = numberOfEntry(start);
      const index = indexes.find((each) => each.number === number);
      if (place === "no" || index?.state === "dropping") return undefined;
      if (index === undefined) return `has an entry in an index that does not exist (number ${number})`;
      if (entryHome(this.#servers, partition) !== partition) {
        return `has an entry in the index of ${index.property} that is kept in partition ${partition}, where no server looks for it`;
      }
      const what = `has an entry in the index of ${index.property}`;
      if (!isUser) return `${what}, and there is no such user`;
      if (!own.some((each) => Buffer.compare(each, start) === 0)) return `${what} that its record does not name`;
      return place === "with a score" ? `${what} with a score: FindUsers may leave it out` : undefined;
    });
  }
}
