/** One random sequence: the model beside the registry. */
import type { JsonObject } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { planFeature } from "../../src/cli/configuration/features.ts";
import type { StoreState } from "../../src/store/administration.ts";
import type { Present } from "../../src/store/configuration.ts";
import { changeOfIndexes } from "../../src/store/index-change.ts";
import type { StoreVerifier } from "../../src/store/verify/verifier.ts";
import type { IdentifyInput } from "../../src/users/identify.ts";
import type { IndexedProperty } from "../../src/users/indexes/indexed-property.ts";
import type { Page, UserRegistry } from "../../src/users/registry.ts";
import { createModel, type ModelIdentify } from "../support/model.ts";
import type { TemporaryStore } from "../support/stores.ts";
import { decode, encode } from "../support/struct.ts";
import { Answers, failing } from "./model-answers.ts";
import {
  firstIndexes,
  ids,
  required,
  type SequenceCommand,
  type Step,
  start,
  type WantedEtag,
} from "./model-commands.ts";
import { compareSearches } from "./model-searches.ts";

/** What changes nothing that searches could find. */
const onlyRead: ReadonlySet<SequenceCommand["verb"]> = new Set(["get", "list", "scan"]);

export class Run {
  readonly #registry: UserRegistry;
  readonly #opened: TemporaryStore;
  readonly #verifier: StoreVerifier;
  readonly #model = createModel(required, start, firstIndexes);
  readonly #answers = new Answers();
  /** Whether the server knows of the last change of the configuration. */
  #hasHeard = true;
  /** Whether indexes have changed since the last walk over all users. */
  #isBuilding = false;
  /** Whether the indexes may be others than at the beginning. */
  #hasChanged = false;

  /** @param opened a store without users, and with the first indexes */
  constructor(registry: UserRegistry, opened: TemporaryStore, verifier: StoreVerifier) {
    this.#registry = registry;
    this.#opened = opened;
    this.#verifier = verifier;
  }

  async do({ command, search }: Step): Promise<void> {
    await this.#do(command);
    if (onlyRead.has(command.verb) || ("isHeard" in command && !command.isHeard)) return;
    await this.#hear();
    await compareSearches(this.#registry, this.#model, this.#answers, search);
  }

  async #do(next: SequenceCommand): Promise<void> {
    switch (next.verb) {
      case "identify": {
        const [model, input] = this.#translate(next);
        const expected = this.#model.identify(model);
        return this.#answers.compare(next.id, expected, await failing(this.#registry.identify(input)));
      }
      case "batch": {
        // An etag that an earlier item of the batch will have given cannot be known yet.
        const items = next.items.map((item) => ({ ...item, precondition: undefined }));
        const results = await this.#registry.identifyBatch(items.map((item) => this.#translate(item)[1]));
        for (const [index, item] of items.entries()) {
          const result = results[index];
          if (result === undefined) expect.fail("a result is missing");
          const answer = "error" in result ? { refused: result.error.reason } : result;
          this.#answers.compare(item.id, this.#model.identify(this.#translate(item)[0]), answer);
        }
        return;
      }
      case "setPreferences": {
        const [wanted, precondition] = this.#answers.precondition(next.id, next.precondition);
        const expected = this.#model.setPreferences(next.id, next.sent, next.merge, wanted);
        const preferences = [encode(next.sent)];
        const input = { id: Buffer.from(next.id), preferences, merge: next.merge, precondition };
        const call = this.#registry.setPreferences(input).then((user) => ({ user }));
        return this.#answers.compare(next.id, expected, await failing(call));
      }
      case "delete": {
        const [wanted, precondition] = this.#answers.precondition(next.id, next.precondition);
        const expected = this.#model.remove(next.id, next.allowMissing, wanted);
        const input = { id: Buffer.from(next.id), precondition, allowMissing: next.allowMissing };
        this.#answers.compare(next.id, expected, await failing(this.#registry.delete(input).then(() => ({}))));
        if (!("refused" in expected)) this.#answers.forget(next.id);
        return;
      }
      case "list":
        return this.#list(next.pageSize);
      case "get":
        return this.#get(next.onlyProperties);
      case "scan":
        return this.#scan(next.wanted, next.pageSize);
      case "configure":
        return this.#change((state) => planFeature(state, "rehearsal", next.isOn, true));
      case "index":
        return this.#index(next.properties);
      case "sweep":
        return this.#sweep();
      case "slice":
        return this.#sweepSlice(next.id, next.isVerified);
    }
  }

  #translate(
    item: Omit<ModelIdentify, "precondition"> & { precondition?: WantedEtag },
  ): [ModelIdentify, IdentifyInput] {
    const [wanted, precondition] = this.#answers.precondition(item.id, item.precondition);
    const { observedAt: micros } = item;
    const time = micros === undefined ? undefined : BigInt(micros);
    return [
      { ...item, precondition: wanted },
      {
        id: Buffer.from(item.id),
        properties: [encode(item.set)],
        setOnce: [encode(item.setOnce)],
        unset: item.unset.map((text) => Buffer.from(text)),
        precondition,
        observedAt:
          time === undefined ? undefined : { seconds: time / 1_000_000n, nanos: Number(time % 1_000_000n) * 1_000 },
        validateOnly: item.validateOnly,
      },
    ];
  }

  async #list(pageSize: number): Promise<void> {
    const { users } = this.#model;
    const seen = await this.#pages((pageToken) =>
      this.#registry.list({ pageSize, pageToken, onlyProperties: [] }, () => 0),
    );
    expect(seen.sizes).toEqual(
      Array.from({ length: Math.max(1, Math.ceil(users.size / pageSize)) }, (_, page) =>
        Math.min(pageSize, users.size - page * pageSize),
      ),
    );
    expect(seen.ids.sort()).toEqual([...users.keys()].sort());
  }

  async #scan(wanted: JsonObject, pageSize: number): Promise<void> {
    const where = { properties: [encode(wanted)] };
    const seen = await this.#pages((pageToken) =>
      this.#registry.scan({ where, pageSize, pageToken, onlyProperties: [] }, () => 0),
    );
    expect(seen.ids.sort()).toEqual(this.#model.scan(wanted).sort());
  }

  async #pages(read: (pageToken: string) => Promise<Page>) {
    const seen: { sizes: number[]; ids: string[] } = { sizes: [], ids: [] };
    let pageToken = "";
    do {
      const { users, nextPageToken } = await read(pageToken);
      this.#answers.compareStored(users, this.#model.users);
      seen.sizes.push(users.length);
      seen.ids.push(...users.map(({ id }) => id));
      pageToken = nextPageToken;
    } while (pageToken !== "");
    return seen;
  }

  async #get(onlyProperties: string[]): Promise<void> {
    const input = {
      ids: ids.map((each) => Buffer.from(each)),
      onlyProperties: onlyProperties.map((each) => Buffer.from(each)),
    };
    const found = await this.#registry.getMany(input, () => 0);
    expect(found.users.map((user) => user.id)).toEqual(ids.filter((each) => this.#model.users.has(each)));
    expect(found.missingIds).toEqual(ids.filter((each) => !this.#model.users.has(each)));
    for (const user of found.users) {
      const all = Object.entries(this.#model.users.get(user.id)?.properties ?? {});
      const selected = all.filter(([key]) => onlyProperties.length === 0 || onlyProperties.includes(key));
      expect(decode(user.properties)).toEqual(Object.fromEntries(selected));
    }
  }

  async #index(properties: readonly IndexedProperty[]): Promise<void> {
    await this.#change((state) => changeOfIndexes(state, properties));
    this.#model.setIndexes(properties);
    this.#hasChanged = true;
    this.#isBuilding = true;
  }

  /** Changes the store's configuration, as the command line does. */
  async #change(plan: (state: StoreState) => { readonly to: Present; readonly differs: boolean }): Promise<void> {
    const { administration } = this.#opened;
    const state = await administration.read();
    const { to, differs } = plan(state);
    if (!differs) return;
    expect(await administration.change(state.current, to)).toBe(true);
    this.#hasHeard = false;
  }

  async #hear(): Promise<void> {
    if (!this.#hasHeard) await this.#opened.store.check();
    this.#hasHeard = true;
  }

  /** Does all background work. A walk that does not know of the last change yet is followed by another. */
  async #sweep(): Promise<void> {
    do {
      await this.#opened.sweep();
      if (this.#isBuilding) await this.#opened.store.check();
      this.#hasHeard ||= this.#isBuilding;
    } while (this.#isBuilding && !this.#areIndexesReady());
    this.#isBuilding = false;
    this.#model.buildIndexes();
  }

  async #sweepSlice(id: string, isVerified: boolean): Promise<void> {
    await this.#opened.sweepSlice(id);
    await this.#opened.store.check();
    this.#hasHeard = true;
    // Later slices may mend what an earlier one has done wrong.
    if (isVerified) await this.verify();
    // It may have been the last.
    if (this.#areIndexesReady()) this.#model.buildIndexes();
  }

  /** As far as the server knows. */
  #areIndexesReady(): boolean {
    return this.#opened.store.configuration()?.indexes.every(({ state }) => state === "ready") ?? false;
  }

  /** Finds no user without its entries, and no entry without its user. */
  async verify(): Promise<void> {
    const findings: string[] = [];
    for await (const slice of this.#verifier.walk()) {
      findings.push(...slice.findings.map(({ id, problem }) => `${Buffer.from(id)} ${problem}`));
    }
    expect(findings).toEqual([]);
  }

  /** Gives a new store the first indexes. */
  async begin(): Promise<void> {
    await this.#index(firstIndexes);
    await this.#sweep();
  }

  /** Leaves a store without users, and with the first indexes. */
  async end(): Promise<void> {
    for (const each of ids) {
      await this.#registry.delete({ id: Buffer.from(each), precondition: undefined, allowMissing: true });
    }
    if (this.#hasChanged) await this.begin();
  }
}
