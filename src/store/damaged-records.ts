import { type DamagedPart, isDamaged } from "../users/damaged.ts";
import type { StoreAdapter } from "./adapter.ts";

/** @param part the part of the records that cannot be read */
export type OnDamaged = (part: DamagedPart, count: number) => void;

/** Reports the damaged records that calls to a store find; without ids, which are personal data. */
export function tellingDamaged(store: StoreAdapter, onDamaged: OnDamaged): StoreAdapter {
  const tell = (parts: readonly DamagedPart[]) => {
    for (const part of new Set(parts)) onDamaged(part, parts.filter((each) => each === part).length);
  };
  return {
    ...store,
    async write(commands, again) {
      const results = await store.write(commands, again);
      tell(results.flatMap((result) => ("refused" in result && result.refused === "damaged" ? [result.part] : [])));
      return results;
    },
    async get(ids, signal) {
      const users = await store.get(ids, signal);
      tell(users.flatMap((user) => (isDamaged(user) ? [user.damaged] : [])));
      return users;
    },
    async entries(...search) {
      const found = await store.entries(...search);
      tell(found?.flatMap(({ user }) => (isDamaged(user) ? [user.damaged] : [])) ?? []);
      return found;
    },
  };
}
