import { openTemporaryCluster } from "../support/stores.ts";
import { storeConformance } from "./conformance.ts";
import { storeIsLikeTheModel } from "./model-based.ts";

storeConformance("Redis Cluster", openTemporaryCluster);
// What the commands mean is tested over one server; here it is that every one of them finds its way.
storeIsLikeTheModel("Redis Cluster", openTemporaryCluster, 200);
