import type { ReserveNotice } from "../store/sqlite/messages.ts";
import type { Logger } from "../telemetry/logger.ts";

/** Logs what becomes of the reserve beside an SQLite database. */
export function createReserveLog(logger: Logger): (notice: ReserveNotice) => void {
  let wasMissed = false;
  return ({ reserve, reason }) => {
    if (reserve === "used") {
      const what =
        "the disk is full: users are deleted with the room of the reserve, and what else needs room is refused";
      logger.error({ reason }, what);
    } else if (reserve === "unavailable") {
      logger.warn({ reason }, "there is no reserve beside the database: on a full disk users cannot be deleted");
    } else if (wasMissed) logger.info("the reserve beside the database is there again");
    wasMissed = reserve !== "kept";
  };
}
