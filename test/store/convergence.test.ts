import { openTemporaryRedis, openTemporarySqlite } from "../support/stores.ts";
import { observedWritesConverge } from "./convergence.ts";

observedWritesConverge("SQLite", openTemporarySqlite);
observedWritesConverge("Redis", openTemporaryRedis);
