/** Options of the commands that see or change what a store is configured for. */
import { createOption } from "@commander-js/extra-typings";
import { redisOptions, storeOptions } from "../../config/options.ts";
import { outputOptions } from "../output.ts";

/** The first version that knows features. */
export const firstWithFeatures = "0.2";

export const readingOptions = { ...outputOptions, ...storeOptions, ...redisOptions };

export const changeOptions = {
  dryRun: createOption("--dry-run", "say what would change, and change nothing"),
  ...readingOptions,
};

/** Of the changes that older servers would not follow. */
export const confirmedChangeOptions = {
  allServersAre: createOption(
    "--all-servers-are <version>",
    "confirm that no older server uses the store; needed where 0.1 may have made it",
  ).choices([firstWithFeatures]),
  ...changeOptions,
};
