import { openTemporaryRedis } from "../support/stores.ts";
import { storeIsLikeTheModel } from "./model-based.ts";

storeIsLikeTheModel("Redis", openTemporaryRedis);
