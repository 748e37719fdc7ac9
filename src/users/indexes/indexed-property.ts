/** Which properties users can be found by. */
import { limits } from "../limits.ts";

export interface IndexedProperty {
  /** The name of a top-level property. */
  readonly property: string;
  /** Whether text is compared folded: without regard to case, and in Unicode's form NFC. */
  readonly folded: boolean;
}

/** `building`: writes maintain it, and older users are added. `ready`: it holds every user. `dropping`: its entries are removed. */
export type IndexState = "building" | "ready" | "dropping";

/** An index as the store's configuration has it. */
export interface Index extends IndexedProperty {
  /** Begins its entries: 1 to 65,535. A store never uses a number twice. */
  readonly number: number;
  readonly state: IndexState;
}

export const maxIndexNumber = 65_535;

/** Whether writes add entries to it. */
export function isMaintained({ state }: Index): boolean {
  return state !== "dropping";
}

const folding = "fold";

/**
 * Reads a list such as `email:fold,phone`.
 *
 * @throws RangeError that says what is wrong
 */
export function parseIndexedProperties(text: string): readonly IndexedProperty[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.length === 1 && parts[0] === "") return [];
  const indexed = parts.map(parseIndexedProperty);
  const names = indexed.map(({ property }) => property);
  const repeated = names.find((name, at) => names.indexOf(name) !== at);
  if (repeated !== undefined) throw new RangeError(`names the property ${repeated} twice`);
  if (indexed.length > limits.maxIndexes) {
    throw new RangeError(`names ${indexed.length} properties; at most ${limits.maxIndexes} can be indexed`);
  }
  return indexed;
}

function parseIndexedProperty(text: string): IndexedProperty {
  const [property = "", how, ...more] = text.split(":");
  if (property === "") throw new RangeError("has an empty name; write NAME or NAME:fold, separated by commas");
  if (Buffer.byteLength(property) > limits.maxPropertyNameBytes) {
    throw new RangeError(`has a name of more than ${limits.maxPropertyNameBytes} bytes`);
  }
  if ((how !== undefined && how !== folding) || more.length > 0) {
    throw new RangeError(
      `has ${text}, which is neither NAME nor NAME:fold; a property whose name has a colon or a comma cannot be indexed`,
    );
  }
  return { property, folded: how === folding };
}

/** In the form that `parseIndexedProperties` reads. */
export function formatIndexedProperties(indexed: readonly IndexedProperty[]): string {
  return indexed.map(({ property, folded }) => (folded ? `${property}:${folding}` : property)).join(",");
}
