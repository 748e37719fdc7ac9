/** The fields that both ends know: RFC 7541, section 2.3.1. */
import { staticFields } from "./tables.ts";

export interface Field {
  readonly name: string;
  readonly value: string;
}

/** The static fields by their indexes. None has the index 0. */
export const staticTable: readonly (Field | undefined)[] = [
  undefined,
  ...staticFields.map(([name, value]) => ({ name, value })),
];

/** The index of the first dynamic field: section 2.3.3. */
export const firstDynamicIndex = staticTable.length;
