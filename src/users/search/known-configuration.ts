import { failureOfRead, storeUnavailable } from "../errors.ts";
import type { UserStore } from "../store.ts";
import type { StoreConfiguration } from "../store-configuration.ts";

/** @throws UserError STORE_UNAVAILABLE if the store's configuration is not known yet, or this version cannot follow it */
export function knownConfiguration(store: UserStore): StoreConfiguration {
  try {
    const configuration = store.configuration();
    if (configuration !== undefined) return configuration;
  } catch (error) {
    throw failureOfRead(error);
  }
  throw failureOfRead(storeUnavailable(new Error("the store's configuration is not known yet")));
}
