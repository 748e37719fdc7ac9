import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * The files that take longest: one of them that began last would go on when all others have ended. Those that mostly compute
 * stand between those that mostly wait for Redis, so that processors are neither short nor idle.
 */
const long = `
  e2e/import client/package upgrade/round-trip e2e/cluster-faults upgrade/mixed-fleet e2e/workers e2e/redis-access
  e2e/disclosure store/redis-permissions e2e/exchanges/exchanges e2e/verify e2e/npm store/redis-addresses
  scenarios/scenarios server/failed-start e2e/large-users store/redis-cluster e2e/damaged-records store/redis-sentinel
  e2e/write-only transport/http2-guard e2e/cli e2e/store-faults e2e/request-bounds e2e/sentinel-faults e2e/export
  e2e/drain e2e/store-away rpc/request-cost store/sqlite-files e2e/terminal e2e/credentials e2e/fuzz
  client/import-interruptions e2e/revoked e2e/backup e2e/telemetry client/foreign-answers
`
  .trim()
  .split(/\s+/);

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
