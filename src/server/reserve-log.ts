import type { ReserveNotice } from "../store/sqlite/messages.ts";
import type { Logger } from "../telemetry/logger.ts";

/** Logs changes of the reserve beside the SQLite database at `path`. */
export function createReserveLog(logger: Logger, path: string): (notice: ReserveNotice) => void {
  let wasMissed = false;
  return ({ reserve, reason }) => {
    if (reserve === "used") {
      const what =
        "the disk is full: free some room. Until then deletions use the reserve, and other writes are refused";
      logger.error({ database: path, reason }, what);
    } else if (reserve === "unavailable") {
      const what = "there is no reserve beside the database: on a full disk users cannot be deleted";
      logger.warn({ database: path, reason }, what);
    } else if (wasMissed) logger.info({ database: path }, "the reserve beside the database is there again");
    wasMissed = reserve !== "kept";
  };
}
