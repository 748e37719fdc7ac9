/**
 * Builds the clients of all languages, runs the same scenarios with each on both stores and each HTTP/2, and runs the suites:
 * `npm run test:clients`. Fails if a language is missing and not left out, if generated code differs from the contract, if a
 * client does not build, or if a step, an example or a suite fails.
 */
import type { Http2Layer } from "../support/http2-layers.ts";
import { messageOf } from "../support/message-of.ts";
import { buildClient, settingsOf, type Trial, tryClient } from "./hold-client.ts";
import { type Language, languages, root } from "./languages.ts";
import { type Choices, readChoices, tellTools } from "./leaving-out.ts";
import { failuresOf, type Outcome, passedOf, suiteTable, table } from "./report.ts";
import { runCommand } from "./run-command.ts";
import { isLeftOut, runSuite, type SuiteOutcome, suites } from "./suites.ts";
import { tryExample } from "./try-example.ts";

const leavable = [...languages.filter(({ tools }) => tools.length > 0).map(({ key }) => key), "rust", "web"];
/** The languages whose stubs are committed. */
const generatedFor = ["go", "python"];
const generateTimeoutMs = 15 * 60_000;
const usage = `Usage: npm run test:clients -- [--without KEYS] [--http2 own|node]

Builds the clients of all languages, and runs the same scenarios with each on both stores, with each HTTP/2 of the
server. Then it runs these suites: ${suites.map(({ key }) => key).join(", ")}.

  --without KEYS  leave out languages, Rust's client, or the web page, which needs Chromium: some of
                  ${leavable.join(", ")}, separated by commas. Without Go or Python, the comparison of generated code with the contract is
                  left out too, and so are the parts of the suites that need the language.
  --help          show this help
`;

try {
  const choices = readChoices(process.argv.slice(2), leavable);
  if (choices === undefined) process.stdout.write(usage);
  else process.exitCode = (await holdAll(choices)) ? 0 : 1;
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 2;
}

/** @returns whether all went well */
async function holdAll({ left, layers }: Choices): Promise<boolean> {
  const wanted = languages.filter(({ key }) => !left.has(key));
  const missing = (await tellTools(languages, left)).map((language): Outcome => {
    const broken = `a program is missing; --without ${language.key} leaves it out`;
    return { language, broken };
  });
  if (missing.length > 0) return summarize({ outcomes: missing });

  const differing = generatedFor.some((key) => left.has(key)) ? undefined : await compareGenerated();
  const outcomes: Outcome[] = [];
  for (const language of wanted) outcomes.push(await hold(language, layers));
  const suiteOutcomes: SuiteOutcome[] = [];
  for (const suite of suites.filter((suite) => !isLeftOut(suite, left))) {
    console.log(`\n${suite.name}: npm run test:suite -- ${suite.key}`);
    suiteOutcomes.push(await runSuite(suite, { left, layers }));
  }
  console.log(`\n${table(outcomes, settingsOf(layers))}`);
  if (suiteOutcomes.length > 0) console.log(`\n${suiteTable(suiteOutcomes)}`);
  return summarize({ outcomes, suiteOutcomes, differing });
}

async function hold(language: Language, layers: readonly Http2Layer[]): Promise<Outcome> {
  try {
    if (language.build.length > 0) console.log(`${language.name}: building`);
    await buildClient(language);
    const trials: Trial[] = [];
    for (const setting of settingsOf(layers)) {
      console.log(`${language.name}: running on ${setting.name}`);
      trials.push(...(await tryClient(language, setting)));
    }
    for (const http2 of layers) trials.push(...(await tryExample(language, http2)));
    return { language, trials };
  } catch (error) {
    return { language, broken: messageOf(error) };
  }
}

/** @returns how generated code differs from the contract; an empty text if it does not */
async function compareGenerated(): Promise<string> {
  const command = { program: process.execPath, args: ["scripts/generate/clients.ts", "--check"] };
  console.log("comparing generated code with the contract");
  return runCommand(command, { folder: root, timeoutMs: generateTimeoutMs }).then(() => "", messageOf);
}

interface Outcomes {
  readonly outcomes: readonly Outcome[];
  readonly suiteOutcomes?: readonly SuiteOutcome[];
  /** Undefined if there was no comparison of generated code. */
  readonly differing?: string | undefined;
}

/** @returns whether all went well */
function summarize({ outcomes, suiteOutcomes = [], differing }: Outcomes): boolean {
  const suiteFailures = suiteOutcomes.flatMap((outcome) =>
    "failure" in outcome ? [`${outcome.suite.name}: ${outcome.failure}`] : [],
  );
  const failures = [...(differing ? [differing] : []), ...outcomes.flatMap(failuresOf), ...suiteFailures];
  const counts = [
    differing === "" ? 1 : 0,
    ...outcomes.map(passedOf),
    ...suiteOutcomes.map((outcome) => ("failure" in outcome ? 0 : outcome.passed)),
  ];
  for (const failure of failures) console.log(`\n${failure}`);
  console.log(`\n${counts.reduce((sum, count) => sum + count)} passed, ${failures.length} failed`);
  return failures.length === 0;
}
