/** Has the same conversations with both layers, and finds what differs without a reason. */
import { seededRandom } from "../../support/random.ts";
import { reasons } from "./allowed.ts";
import { type Difference, differencesBetween } from "./compare.ts";
import { type Conversation, describeConversation, framesOf } from "./conversation.ts";
import { converse } from "./converse.ts";
import { wellFormed } from "./generate.ts";
import { mutated } from "./mutate.ts";

export interface Servers {
  /** The port of our own layer. */
  readonly own: number;
  /** The port of Node's, whose process may have been replaced. */
  node(): Promise<number>;
}

/** The share of conversations that break rules. */
const mutatedShare = 0.75;
/** How often a difference is tried again: what is up to chance does not come each time. */
const attempts = 3;
/** Node hangs now and then. */
const nodePatienceMs = 2_000;
const seedStep = 7_919;

export function conversationOf(seed: number, number: number): Conversation {
  const random = seededRandom(Math.imul(seed, 1_000_003) + number * seedStep + 1);
  // The first numbers of near seeds are alike.
  for (let skipped = 0; skipped < 8; skipped++) random();
  const isMutated = random() < mutatedShare;
  const { client, conversation } = wellFormed(random);
  return isMutated ? mutated(conversation, client) : conversation;
}

export interface Found {
  /** Differences without a reason, and what a server may not do; nothing if all is well. */
  readonly faults: readonly string[];
  /** The names of the reasons of other differences. */
  readonly allowed: readonly string[];
}

/** What is up to chance in one attempt is not in the next, where the servers settle after each frame. */
export async function compareLayers(servers: Servers, conversation: Conversation): Promise<Found> {
  let found = await compareOnce(servers, conversation, false);
  for (let attempt = 1; attempt < attempts && found.faults.length > 0; attempt++) {
    found = await compareOnce(servers, conversation, true);
  }
  return found;
}

async function compareOnce(servers: Servers, conversation: Conversation, slowly: boolean): Promise<Found> {
  const frames = framesOf(conversation);
  const [own, node] = await Promise.allSettled([
    converse(servers.own, conversation, { slowly }),
    converse(await servers.node(), conversation, { slowly, patienceMs: nodePatienceMs }),
  ]);
  if (own.status === "rejected") return { faults: [String(own.reason)], allowed: [] };
  const violations = own.value.violations.map((violation) => `own sends ${violation}`);
  if (node.status === "rejected") {
    return { faults: violations, allowed: ["answers or closes; Node hangs"] };
  }
  const allowed = new Set<string>();
  const unexplained = differencesBetween(own.value, node.value).filter((difference) => {
    const reason = reasons.find((one) => one.allows(difference, frames));
    if (reason !== undefined) allowed.add(reason.name);
    return reason === undefined;
  });
  return { faults: [...violations, ...unexplained.map(describeDifference)], allowed: [...allowed] };
}

function describeDifference({ where, own, node }: Difference): string {
  return `${where}\n  own:  ${own}\n  node: ${node}`;
}

/** Drops steps as long as there is still a fault. */
async function shrink(servers: Servers, conversation: Conversation): Promise<Conversation> {
  let smallest = conversation;
  const isFaulty = async (one: Conversation) => (await compareLayers(servers, one)).faults.length > 0;
  const whole = { ...smallest, cuts: undefined };
  if (smallest.cuts !== undefined && (await isFaulty(whole))) smallest = whole;
  for (let size = smallest.steps.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < smallest.steps.length; ) {
      const fewer = { ...smallest, steps: smallest.steps.toSpliced(at, size) };
      if (await isFaulty(fewer)) smallest = fewer;
      else at += size;
    }
  }
  return smallest;
}

/** What to say of a conversation that has a fault; undefined if it has none. */
export async function faultOf(servers: Servers, name: string, conversation: Conversation): Promise<string | undefined> {
  const { faults } = await compareLayers(servers, conversation);
  if (faults.length === 0) return undefined;
  const smallest = await shrink(servers, conversation);
  const { faults: left } = await compareLayers(servers, smallest);
  const told = left.length > 0 ? left : faults;
  return `${name}:\n${told.join("\n")}\n${describeConversation(smallest)}`;
}
