import type { StoreConfiguration } from "../users/store-configuration.ts";

/** The next step of a walk over all users. */
export interface SealStep {
  /** `seal` those who have none, `check` that no seal is broken, or `unseal` all. */
  readonly work: "seal" | "check" | "unseal";
  /** The name of the walk: where it stopped counts only for the same one. */
  readonly name: string;
  /** The id after which it goes on; empty for the beginning. */
  readonly after: string;
}

/** Where a walk over the users of a partition stopped. */
export interface WalkState {
  readonly name: string;
  /** The last id that it has seen; empty at the beginning. */
  readonly after: string;
  /** When it reached the end, in milliseconds since 1970; undefined before. */
  readonly doneAt: number | undefined;
}

export const noWalk: WalkState = { name: "", after: "", doneAt: undefined };

/** How often seals are checked: a server that does not know the store's features is found after so long at the latest. */
const checkEveryMs = 3_600_000;

/**
 * @param now milliseconds since 1970
 * @returns the step that a configuration asks for; undefined for none
 */
export function nextStep(configuration: StoreConfiguration, state: WalkState, now: number): SealStep | undefined {
  const { storeId, generation, seals } = configuration;
  if (seals === undefined && generation === 0) return undefined;
  const work = seals === undefined ? "unseal" : seals.complete ? "check" : "seal";
  if (work === "seal" && hasSealed(state, configuration)) return undefined;
  const name = nameOf(work, storeId, seals?.since ?? generation);
  if (state.name !== name) return { work, name, after: "" };
  if (state.doneAt === undefined) return { work, name, after: state.after };
  return work === "check" && Math.abs(now - state.doneAt) >= checkEveryMs ? { work, name, after: "" } : undefined;
}

/** Whether a partition's users have been sealed for a configuration, by how far its walks have come. */
export function hasSealed({ name, doneAt }: WalkState, { storeId, seals }: StoreConfiguration): boolean {
  if (seals === undefined) return false;
  const isSeal = name === nameOf("seal", storeId, seals.since);
  return (isSeal && doneAt !== undefined) || name === nameOf("check", storeId, seals.since);
}

/** The same number in another store is another walk. */
function nameOf(work: SealStep["work"], storeId: string, generation: number): string {
  return `${work} ${storeId} ${generation}`;
}
