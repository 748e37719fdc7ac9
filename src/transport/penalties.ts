/** How long an address is remembered for the last harm that came from it. */
const memoryMs = 30_000;
/** What is let pass. */
const freeOffences = 3;
/** Between two new connections from it: at first, and after each further offence twice as long, up to the longest. */
const firstPauseMs = 100;
const longestPauseMs = 3_200;
/** Who would have to wait for longer is turned away. */
const longestWaitMs = 10_000;
/** Addresses that are remembered. */
const maxAddresses = 10_000;
/** Those of IPv6 that are given out one by one. Behind others, as those of a private network, are many callers. */
const globalUnicast = /^[23][\da-f]{3}:/i;

interface Penalty {
  offences: number;
  endsAt: number;
  /** When the next connection has its turn. */
  nextAt: number;
}

/**
 * Addresses from which connections came again and again that had to be ended for the harm they did. New ones from there
 * wait for each other: to be made and ended takes more of the server than all that one connection is allowed. The addresses
 * of a global IPv6 /64 count as one, since one caller has all of them.
 */
export class Penalties {
  readonly #byAddress = new Map<string, Penalty>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  add(address: string): void {
    const origin = originOf(address);
    const now = this.#now();
    for (const [oldest, { endsAt }] of this.#byAddress) {
      if (endsAt > now && this.#byAddress.size < maxAddresses) break;
      this.#byAddress.delete(oldest);
    }
    const { offences = 0, nextAt = 0 } = this.#byAddress.get(origin) ?? {};
    const penalty = { offences: offences + 1, endsAt: now + memoryMs, nextAt };
    penalty.nextAt = Math.max(nextAt, now + pauseOf(penalty));
    // The one that was last comes last.
    this.#byAddress.delete(origin);
    this.#byAddress.set(origin, penalty);
  }

  /** Takes one offence back: there are callers at the address who mean no harm. */
  forgive(address: string): void {
    if (this.#byAddress.size === 0) return;
    const penalty = this.#byAddress.get(originOf(address));
    if (penalty !== undefined && penalty.offences > 0) penalty.offences--;
  }

  /** How long a new connection waits, in milliseconds; undefined if it is turned away. */
  waitOf(address: string): number | undefined {
    if (this.#byAddress.size === 0) return 0;
    const now = this.#now();
    const penalty = this.#byAddress.get(originOf(address));
    if (penalty === undefined || penalty.endsAt <= now || pauseOf(penalty) === 0) return 0;
    const wait = Math.max(0, penalty.nextAt - now);
    if (wait > longestWaitMs) return undefined;
    penalty.nextAt = now + wait + pauseOf(penalty);
    return wait;
  }
}

function pauseOf({ offences }: Penalty): number {
  const counted = offences - freeOffences;
  return counted <= 0 ? 0 : Math.min(firstPauseMs * 2 ** (counted - 1), longestPauseMs);
}

/** The address itself, or its /64. */
function originOf(address: string): string {
  if (!globalUnicast.test(address)) return address;
  const [before = "", after] = address.split("::");
  const groups = before.split(":");
  const zeros = after === undefined ? 0 : 8 - groups.length - after.split(":").filter((group) => group !== "").length;
  return [...groups, ...Array<string>(zeros).fill("0"), ...(after ?? "").split(":")].slice(0, 4).join(":");
}
