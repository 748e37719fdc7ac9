import { HpackDecoder } from "../../src/http2/hpack/decoder.ts";

/** The size of HPACK's table until a client's SETTINGS say otherwise: RFC 9113, section 6.5.2. */
const tableBytes = 4_096;

/** Decodes the header blocks of one server: also of Node's, which has an encoder of its own. */
export class HeaderDecoder {
  readonly #decoder = new HpackDecoder(tableBytes);

  /** @throws HpackError */
  decode(block: Buffer): (readonly [name: string, value: string])[] {
    const fields: (readonly [string, string])[] = [];
    this.#decoder.decode(block, 0, block.length, { field: ({ name, value }) => fields.push([name, value]) });
    return fields;
  }
}
