/** Users of mixed shape to import: 2 to 60 properties, nested values, all kinds of scripts, a few that are refused. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { below, oneOf, seededRandom } from "../support/random.ts";

export interface ImportedRow {
  readonly id: string;
  readonly properties: JsonObject;
}

const fewest = 2;
const most = 60;
/** One in so many has no e-mail address. */
export const badEvery = 200;
const words = [
  "Zoë",
  "日本語",
  "مرحبا",
  "Ольга",
  "plain text",
  "🙂 emoji",
  "naïve café",
  "a somewhat longer text, with a comma",
];
const others = most - fewest;

/** Names of the properties beside `name` and `email`. */
export const otherNames: readonly string[] = Array.from({ length: others }, (_, at) => `property_${at}`);

export function* importedRows(count: number, seed: number): Generator<ImportedRow, void, void> {
  const random = seededRandom(seed);
  const word = () => oneOf(random, words);
  const value = (at: number): JsonValue => {
    switch (at % 6) {
      case 0:
        return below(random, 1_000_000) / 100;
      case 1:
        return random() < 0.5;
      case 2:
        return { city: word(), geo: { lat: below(random, 180) - 90, lon: below(random, 360) - 180 } };
      case 3:
        return [word(), below(random, 100), null];
      default:
        return `${word()} ${below(random, 10_000)}`;
    }
  };
  for (let at = 0; at < count; at++) {
    const properties: JsonObject = { name: `${word()} ${at}` };
    if (at % badEvery !== badEvery - 1) properties["email"] = `user${at}@example.com`;
    for (let more = below(random, others + 1), name = below(random, others); more > 0; more--, name++) {
      const index = name % others;
      properties[otherNames[index] ?? ""] = value(index);
    }
    yield { id: `user-${at}`, properties };
  }
}
