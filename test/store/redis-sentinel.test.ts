import { openTemporarySentinels } from "../support/stores.ts";
import { storeConformance } from "./conformance.ts";
import { storeIsLikeTheModel } from "./model-based.ts";

storeConformance("Redis behind Sentinel", openTemporarySentinels);
// What the commands mean is tested over one server; here it is that every one of them finds its way.
storeIsLikeTheModel("Redis behind Sentinel", openTemporarySentinels, 200);
