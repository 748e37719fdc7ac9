/** Servers of one store, of different versions: each caller uses them in turn, as behind a load balancer. */
import { setTimeout as pause } from "node:timers/promises";
import { createRollcallClient, type RollcallClient } from "../../src/client/index.ts";
import { until } from "../support/until.ts";

const goesOnTimeoutMs = 20_000;
/** Leaves the processor to the servers. */
const betweenCallsMs = 40;

interface Member {
  readonly client: RollcallClient;
  readonly calls: Set<Promise<unknown>>;
}

/** A caller of the fleet: each of its calls goes through another server than the one before. */
export class Caller {
  readonly #members: ReadonlyMap<string, Member>;
  #calls = 0;
  /** How many calls each server has answered. */
  readonly answers = new Map<string, number>();

  constructor(members: ReadonlyMap<string, Member>) {
    this.#members = members;
  }

  /** Waits while the fleet has no server, as callers do that retry. */
  async call<Answer>(work: (client: RollcallClient) => Promise<Answer>): Promise<Answer> {
    await pause(betweenCallsMs);
    await until(() => this.#members.size > 0, goesOnTimeoutMs);
    const [name, member] = [...this.#members][this.#calls++ % this.#members.size] ?? [];
    if (name === undefined || member === undefined) throw new Error("the fleet has no server");
    const call = work(member.client);
    member.calls.add(call);
    try {
      const answer = await call;
      this.answers.set(name, (this.answers.get(name) ?? 0) + 1);
      return answer;
    } catch (error) {
      throw new Error(`through ${name}: ${error}`, { cause: error });
    } finally {
      member.calls.delete(call);
    }
  }
}

export class Fleet {
  readonly #members = new Map<string, Member>();
  readonly #callers: Caller[] = [];

  /** Adds a server, which all callers use from now on. */
  join(name: string, url: string): void {
    if (this.#members.has(name)) throw new Error(`${name} is in the fleet`);
    // No call may fail, and none is made twice.
    this.#members.set(name, { client: createRollcallClient({ server: url, retries: false }), calls: new Set() });
  }

  /** Takes a server out of use, once its calls have been answered. */
  async leave(name: string): Promise<void> {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`${name} is not in the fleet`);
    this.#members.delete(name);
    await Promise.allSettled(member.calls);
  }

  get clients(): ReadonlyMap<string, RollcallClient> {
    return new Map([...this.#members].map(([name, { client }]) => [name, client]));
  }

  caller(): Caller {
    const caller = new Caller(this.#members);
    this.#callers.push(caller);
    return caller;
  }

  /** Waits until every caller has had another answer from every server. */
  async goesOn(): Promise<void> {
    const before = this.#callers.map(({ answers }) => new Map(answers));
    const hasGoneOn = ({ answers }: Caller, at: number) =>
      [...this.#members.keys()].every((name) => (answers.get(name) ?? 0) > (before[at]?.get(name) ?? 0));
    await until(() => this.#callers.every(hasGoneOn), goesOnTimeoutMs);
  }
}
