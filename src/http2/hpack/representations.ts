/** How fields are represented: RFC 7541, section 6. */

/** The first octet has a flag, and the beginning of an integer in the bits of the mask. */
export interface Representation {
  readonly flag: number;
  readonly mask: number;
}

/** The index of a field: section 6.1. */
export const indexed: Representation = { flag: 0x80, mask: 0x7f };

/**
 * A literal, which the table then holds: section 6.2.1. The integer of every literal is the index of its name, or 0 if its name
 * follows.
 */
export const added: Representation = { flag: 0x40, mask: 0x3f };

/** A new size of the table, and no field: section 6.3. */
export const sizeUpdate: Representation = { flag: 0x20, mask: 0x1f };

/** A literal that the table does not hold: section 6.2.2. The bit between flag and mask asks proxies not to index it: section 6.2.3. */
export const unindexed: Representation = { flag: 0, mask: 0x0f };

/** A string literal, whose integer is its length. The flag says that it has a Huffman code: section 5.2. */
export const huffmanText: Representation = { flag: 0x80, mask: 0x7f };
export const plainText: Representation = { flag: 0, mask: 0x7f };
