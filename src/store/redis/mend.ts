import { storeUnavailable, UserError } from "../../users/errors.ts";
import { maxFollowedChanges } from "../../users/store-configuration.ts";
import type { UserId } from "../../users/user-id.ts";
import { isPresent } from "../configuration.ts";
import { bringUpToDate } from "./configuration/agreement.ts";
import type { KnownConfigurations } from "./configuration/known-configurations.ts";
import { SlotMovingError, StaleConfigurationError } from "./failures.ts";
import { type ReconciledStore, reconcile } from "./reconcile.ts";

export interface MendedStore extends ReconciledStore {
  readonly known: KnownConfigurations;
  /** Called with how many broken seals were found and mended. */
  readonly onBrokenSeals: (count: number) => void;
  /** Called with how many values are too long for their indexes. */
  readonly onTooLong: (count: number) => void;
}

/**
 * Mends the seals of users of a partition that are broken, and the entries of these users in indexes: a server has written them that
 * does not know the store's features.
 *
 * @throws UserError STORE_UNAVAILABLE: they may still be as they were
 */
export async function mend(store: MendedStore, partition: number, ids: readonly UserId[]): Promise<void> {
  for (let changes = 0; changes <= maxFollowedChanges; changes++) {
    const current = store.known.of(partition);
    if (!isPresent(current)) return;
    try {
      const { isMade, broken, tooLong } = await reconcile(store, partition, current, { work: "check", ids });
      if (broken > 0) store.onBrokenSeals(broken);
      if (tooLong > 0) store.onTooLong(tooLong);
      if (isMade) return;
    } catch (error) {
      // Whoever asks has written already.
      const isFull = error instanceof UserError && error.reason === "STORE_FULL";
      if (isFull || error instanceof SlotMovingError) throw storeUnavailable(error);
      if (!(error instanceof StaleConfigurationError)) throw error;
      await bringUpToDate(store, partition);
    }
  }
  throw storeUnavailable(new Error("the users, or the store's configuration, change again and again"));
}
