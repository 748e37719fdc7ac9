import type { Reporter, TestModule } from "vitest/node";

/**
 * Prints, after all else, how many tests passed, failed and were skipped. What fails outside any test (a file that
 * does not load, a hook, an unhandled rejection) counts as one failure each.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    const outside = modules.reduce((sum, module) => sum + errorsOutsideTests(module), unhandledErrors.length);
    const skipped = count("skipped");

    const summary = [`${count("passed")} passed`, `${count("failed") + outside} failed`];
    if (skipped > 0) summary.push(`${skipped} skipped`);
    console.log(summary.join(", "));
  }
}

function errorsOutsideTests(module: TestModule): number {
  const inSuites = [...module.children.allSuites()].reduce((sum, suite) => sum + suite.errors().length, 0);
  return module.errors().length + inSuites;
}
