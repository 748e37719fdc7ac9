import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The files that take longest: one of them that began last would go on when all others have ended. */
const long = [
  ..."e2e/cluster-faults client/package e2e/fuzz e2e/cli e2e/workers e2e/import e2e/listing e2e/verify e2e/sentinel-faults".split(
    " ",
  ),
  ..."store/convergence rpc/identify-bytes e2e/redis-access store/redis-cluster e2e/exchanges/exchanges e2e/large-users e2e/drain store/redis-sentinel".split(
    " ",
  ),
  ..."store/sqlite-model e2e/convergence store/redis-durability store/redis-model e2e/store-away".split(" "),
  ..."e2e/linearizability e2e/secured e2e/credentials transport/tls store/redis store/sqlite".split(" "),
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
