/** How long an address is remembered after its last offence. */
const memoryMs = 30_000;
/** Offences without a penalty. */
const freeOffences = 3;
/** The pause between two new connections from an address. It doubles with each further offence, up to the longest. */
const firstPauseMs = 100;
const longestPauseMs = 3_200;
/** A connection that would have to wait for longer is closed. */
const longestWaitMs = 10_000;
/** How many addresses are remembered. */
const maxAddresses = 10_000;
/** Global IPv6 addresses. Others, as those of a private network, may each stand for many clients. */
const globalUnicast = /^[23][\da-f]{3}:/i;

interface Penalty {
  offences: number;
  endsAt: number;
  /** When the next connection may be served. */
  nextAt: number;
}

/**
 * Addresses whose connections were closed for harm, again and again. New connections from there wait for each other: to accept
 * and close them costs the server more than anything that one connection may do. The addresses of a global IPv6 /64 count as
 * one, since one client has all of them.
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
    // Moves the address to the end: the first ones are forgotten first.
    this.#byAddress.delete(origin);
    this.#byAddress.set(origin, penalty);
  }

  /** Takes one offence back, since callers at the address are answered. */
  forgive(address: string): void {
    if (this.#byAddress.size === 0) return;
    const penalty = this.#byAddress.get(originOf(address));
    if (penalty !== undefined && penalty.offences > 0) penalty.offences--;
  }

  /** How long a new connection waits, in milliseconds; undefined if it is to be closed. */
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
