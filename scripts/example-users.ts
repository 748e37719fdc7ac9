/**
 * Writes example users, one JSON object a line, as `rollcall import` reads them:
 *
 *     npm run example-users -- --count 100000 --seed 1 --out users.ndjson
 */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import {
  ar,
  base,
  cs_CZ,
  de,
  el,
  en,
  es,
  Faker,
  fr,
  generateMersenne53Randomizer,
  ja,
  ko,
  type LocaleDefinition,
  pl,
  pt_BR,
  ru,
  tr,
  vi,
  zh_CN,
} from "@faker-js/faker";

/** A user in the form of an import. */
export interface ExampleUser {
  readonly id: string;
  readonly properties: JsonObject;
}

interface Region {
  readonly locale: string;
  readonly timezone: string;
  readonly definition: LocaleDefinition;
}

const regions: readonly Region[] = [
  { locale: "en-US", timezone: "America/New_York", definition: en },
  { locale: "en-US", timezone: "America/Los_Angeles", definition: en },
  { locale: "en-GB", timezone: "Europe/London", definition: en },
  { locale: "de-DE", timezone: "Europe/Berlin", definition: de },
  { locale: "fr-FR", timezone: "Europe/Paris", definition: fr },
  { locale: "es-ES", timezone: "Europe/Madrid", definition: es },
  { locale: "pt-BR", timezone: "America/Sao_Paulo", definition: pt_BR },
  { locale: "pl-PL", timezone: "Europe/Warsaw", definition: pl },
  { locale: "cs-CZ", timezone: "Europe/Prague", definition: cs_CZ },
  { locale: "el-GR", timezone: "Europe/Athens", definition: el },
  { locale: "tr-TR", timezone: "Europe/Istanbul", definition: tr },
  { locale: "ru-RU", timezone: "Europe/Moscow", definition: ru },
  { locale: "ar-EG", timezone: "Africa/Cairo", definition: ar },
  { locale: "ja-JP", timezone: "Asia/Tokyo", definition: ja },
  { locale: "ko-KR", timezone: "Asia/Seoul", definition: ko },
  { locale: "zh-CN", timezone: "Asia/Shanghai", definition: zh_CN },
  { locale: "vi-VN", timezone: "Asia/Ho_Chi_Minh", definition: vi },
];
const plans = ["free", "free", "free", "starter", "pro", "pro", "enterprise"];
const companySizes = [1, 5, 12, 40, 150, 600, 2_500, 18_000];
const industries = ["software", "retail", "health care", "education", "finance", "logistics", "media", "public sector"];
const tags = ["beta", "trial", "vip", "churn-risk", "referral", "webinar-2025", "power-user", "billing contact"];

/** Fixed, so that the same seed gives the same users on any day. */
const earliestSignUp = "2021-01-01T00:00:00.000Z";
const latestSignUp = "2025-12-31T23:59:59.999Z";

const maxSeed = 2 ** 32 - 1;
const linesAtOnce = 200;

/**
 * The first `count` users of an endless sequence. Every user has a `name`, and an `email` at an example domain; the other
 * properties vary.
 *
 * @param seed selects the sequence: a whole number from 0 to 2^32 − 1
 */
export function* exampleUsers(count: number, seed: number): Generator<ExampleUser, void, void> {
  const randomizer = generateMersenne53Randomizer(seed);
  const residents = regions.map((region) => ({
    ...region,
    faker: new Faker({ locale: [region.definition, en, base], randomizer }),
  }));
  const { helpers, string } = new Faker({ locale: [en, base], randomizer });
  for (let index = 0; index < count; index++) {
    yield { id: string.uuid(), properties: propertiesOf(helpers.arrayElement(residents)) };
  }
}

function propertiesOf({ faker, locale, timezone }: Region & { readonly faker: Faker }): JsonObject {
  const { date, datatype, helpers, internet, number, person, phone } = faker;
  const firstName = person.firstName();
  const lastName = person.lastName();
  const plan = helpers.arrayElement(plans);
  return {
    name: person.fullName({ firstName, lastName }),
    email: internet.exampleEmail({ firstName, lastName }).toLowerCase(),
    plan,
    ...(plan === "free" && datatype.boolean(0.6) ? {} : { company: companyOf(faker) }),
    createdAt: date.between({ from: earliestSignUp, to: latestSignUp }).toISOString(),
    logins: number.int({ max: 5_000 }),
    score: number.float({ max: 100, fractionDigits: 2 }),
    locale,
    timezone,
    tags: helpers.arrayElements(tags, { min: 0, max: 3 }),
    newsletter: datatype.boolean(),
    ...(datatype.boolean(0.8)
      ? { phone: datatype.boolean(0.7) ? phone.number({ style: "international" }) : null }
      : {}),
  };
}

function companyOf({ company, helpers }: Faker): JsonValue {
  return { name: company.name(), size: helpers.arrayElement(companySizes), industry: helpers.arrayElement(industries) };
}

function* linesOf(users: Iterable<ExampleUser>): Generator<string, void, void> {
  let lines: string[] = [];
  for (const user of users) {
    lines.push(`${JSON.stringify(user)}\n`);
    if (lines.length === linesAtOnce) {
      yield lines.join("");
      lines = [];
    }
  }
  if (lines.length > 0) yield lines.join("");
}

const usage = `Usage: npm run example-users -- [--count N] [--seed N] [--out FILE]

Writes example users, one JSON object a line. The same count and seed give the same bytes.

  --count N   how many users (default 1000)
  --seed N    which users: a whole number from 0 to ${maxSeed} (default 1)
  --out FILE  where to (default: standard output)
  --help      shows this
`;

class UsageError extends Error {}

function readCommandLine(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        count: { type: "string", default: "1000" },
        seed: { type: "string", default: "1" },
        out: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    return {
      ...values,
      count: wholeNumber("--count", values.count, 1, Number.MAX_SAFE_INTEGER),
      seed: wholeNumber("--seed", values.seed, 0, maxSeed),
    };
  } catch (error) {
    throw error instanceof Error ? new UsageError(error.message) : error;
  }
}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`${option} takes a whole number from ${min} to ${max}, not "${text}"`);
}

async function main(args: string[]): Promise<void> {
  const { count, seed, out, help } = readCommandLine(args);
  if (help) {
    process.stdout.write(usage);
    return;
  }
  const lines = Readable.from(linesOf(exampleUsers(count, seed)));
  if (out === undefined) await pipeline(lines, process.stdout, { end: false });
  else await pipeline(lines, createWriteStream(out));
}

if (import.meta.main) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    // The reader of a pipe, such as `head`, may have had enough.
    if (!(error instanceof Error && "code" in error && error.code === "EPIPE")) {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = error instanceof UsageError ? 2 : 1;
    }
  }
}
