import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take longest: one of them that began last would go on when all others have ended. */
const long = [
  ..."e2e/import client/package rpc/request-cost e2e/cluster-faults e2e/workers e2e/disclosure e2e/damaged-records".split(
    " ",
  ),
  ..."e2e/exchanges/exchanges scenarios/scenarios e2e/redis-access e2e/verify store/redis-permissions e2e/backup".split(
    " ",
  ),
  ..."store/redis-addresses e2e/npm transport/http2-guard e2e/large-users e2e/export server/failed-start e2e/fuzz".split(
    " ",
  ),
  ..."store/sqlite-files store/redis-cluster store/redis-sentinel e2e/store-faults e2e/sentinel-faults e2e/telemetry".split(
    " ",
  ),
  ..."client/import-interruptions client/foreign-answers e2e/write-only e2e/credentials e2e/request-bounds e2e/cli".split(
    " ",
  ),
];

/** Begins with the files that take longest, also where no run before has measured them. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = long.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return at === -1 ? long.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
