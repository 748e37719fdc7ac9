import { openTemporarySqlite } from "../support/stores.ts";
import { storeIsLikeTheModel } from "./model-based.ts";

storeIsLikeTheModel("SQLite", openTemporarySqlite);
