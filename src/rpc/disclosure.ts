/** What callers learn from their writes: everything with the scope `users.read`, else only that a write was applied. */
import type { Principal } from "../credentials/principal.ts";
import type { UserView } from "../users/reading.ts";
import type { BatchItemResult, Identified, IdentifyOutcome } from "../users/registry.ts";

/** `legacy`: callers without `users.read` get what 0.1 answered, without properties and preferences. */
export type WriteOnlyAnswers = "applied" | "legacy";

/** The outcome of an Identify, as its caller sees it. */
export type ToldOutcome = IdentifyOutcome | "applied";

export type ToldIdentified = Omit<Identified, "outcome"> & { readonly outcome: ToldOutcome };

export type ToldItem =
  | Exclude<BatchItemResult, { readonly outcome: IdentifyOutcome }>
  | { readonly outcome: ToldOutcome; readonly etag: string; readonly ignored: readonly string[] };

export interface Disclosure {
  /** Whether the caller may learn from its writes what is stored. */
  mayLearn(caller: Principal): boolean;
  /** Whether the caller may read users, and learn how many there are. */
  mayRead(caller: Principal): boolean;
  identified(caller: Principal, identified: Identified): ToldIdentified;
  items(caller: Principal, results: readonly BatchItemResult[]): readonly ToldItem[];
  /** @returns undefined for a caller that may not see it */
  user(caller: Principal, user: UserView): UserView | undefined;
}

export function createDisclosure(writeOnlyAnswers: WriteOnlyAnswers): Disclosure {
  const mayLearn = (caller: Principal) => writeOnlyAnswers === "legacy" || mayRead(caller);
  return {
    mayLearn,
    mayRead,
    identified(caller, identified) {
      if (mayRead(caller)) return identified;
      const { user } = identified;
      return user !== undefined && mayLearn(caller) ? { ...identified, user: withoutTraits(user) } : appliedAlone;
    },
    items: (caller, results) =>
      mayLearn(caller) ? results : results.map((result) => ("error" in result ? result : appliedItem)),
    user(caller, user) {
      if (mayRead(caller)) return user;
      return mayLearn(caller) ? withoutTraits(user) : undefined;
    },
  };
}

function mayRead({ scopes }: Principal): boolean {
  return scopes.has("users.read");
}

const appliedAlone: ToldIdentified = { user: undefined, outcome: "applied", ignored: [] };
const appliedItem: ToldItem = { outcome: "applied", etag: "", ignored: [] };

function withoutTraits(user: UserView): UserView {
  return { ...user, properties: nothing, preferences: nothing };
}

const nothing = new Uint8Array();
