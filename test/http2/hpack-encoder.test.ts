import type { OutgoingHttpHeaders } from "node:http";
import { describe, expect, test } from "vitest";
import { HpackDecoder } from "../../src/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../src/http2/hpack/encoder.ts";
import { type Field, fieldsIn, sizeOf, tableOf } from "./hpack-blocks.ts";

const headers = { "content-type": "application/grpc+proto", "grpc-accept-encoding": "gzip", "grpc-encoding": "gzip" };
const trailers = { "grpc-status": 0 };

describe("an answer like the one before", () => {
  test("has 4 bytes of headers and 1 of trailers, which the encoder keeps", () => {
    const encoder = new HpackEncoder(4096);
    const decoder = new HpackDecoder(4096);
    const answers = Array.from({ length: 4 }, () => [
      encoder.encode(200, headers),
      encoder.encode(undefined, trailers),
    ]);
    for (const [head, tail] of answers) {
      expect(fieldsIn(decoder, head!)).toEqual([[":status", "200"], ...Object.entries(headers)]);
      expect(fieldsIn(decoder, tail!)).toEqual([["grpc-status", "0"]]);
    }
    const [head, tail] = answers[3]!;
    expect([head!.length, tail!.length]).toEqual([4, 1]);
    expect([encoder.encode(200, headers), encoder.encode(undefined, trailers)]).toEqual([head, tail]);
    expect(encoder.encode(200, headers)).toBe(encoder.encode(200, headers));
  });

  test("with another status, or equal objects, is encoded as it is", () => {
    const [encoder, decoder] = [new HpackEncoder(4096), new HpackDecoder(4096)];
    for (const status of [200, 200, 200, 404, 200, 503, 503]) {
      expect(fieldsIn(decoder, encoder.encode(status, headers))[0]).toEqual([":status", String(status)]);
      expect(fieldsIn(decoder, encoder.encode(status, { ...headers }))[0]).toEqual([":status", String(status)]);
    }
  });

  test("has new indexes after other trailers have come into the table", () => {
    const [encoder, decoder] = [new HpackEncoder(4096), new HpackDecoder(4096)];
    for (const status of [0, 0, 0, 5, 5, 5, 0, 0]) {
      const other = { "grpc-status": status };
      expect(fieldsIn(decoder, encoder.encode(200, headers)).slice(1)).toEqual(Object.entries(headers));
      expect(fieldsIn(decoder, encoder.encode(undefined, other))).toEqual([["grpc-status", String(status)]]);
    }
  });

  test("begins again with literals after the table has a new size", () => {
    const [encoder, decoder] = [new HpackEncoder(4096), new HpackDecoder(4096)];
    for (const size of [1000, 100, 0, 200]) {
      const answers = Array.from({ length: 4 }, () => [
        encoder.encode(200, headers),
        encoder.encode(undefined, trailers),
      ]);
      encoder.setPeerTableBytes(size);
      const after = [encoder.encode(200, headers), encoder.encode(undefined, trailers)];
      for (const [head, tail] of [...answers, after]) {
        expect(fieldsIn(decoder, head!).slice(1)).toEqual(Object.entries(headers));
        expect(fieldsIn(decoder, tail!)).toEqual([["grpc-status", "0"]]);
      }
      expect(after[0]![0]).toBe(0x20);
    }
  });
});

test("numbers and lists have a field for each value, and undefined has none", () => {
  const block = new HpackEncoder(4096).encode(undefined, {
    a: 1,
    "set-cookie": ["x", "y"],
    b: undefined,
    c: "",
    d: [],
  });
  expect(fieldsIn(new HpackDecoder(4096), block)).toEqual([
    ["a", "1"],
    ["set-cookie", "x"],
    ["set-cookie", "y"],
    ["c", ""],
  ]);
});

test("values keep every octet of latin1, and every length", () => {
  const [encoder, decoder] = [new HpackEncoder(4096), new HpackDecoder(4096)];
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, octet) => octet)).replace(/[\0\r\n]/g, "");
  for (const length of [0, 1, 126, 127, 128, 254, 255, 256, 16_510, 16_511, 70_000]) {
    const value = `${"v".repeat(length)}`;
    const fields = { "content-type": value, x: value, ["n".repeat(length + 1)]: `(${all})` };
    expect(fieldsIn(decoder, encoder.encode(200, fields)).slice(1)).toEqual(Object.entries(fields));
  }
});

describe("the peer's table", () => {
  test("gets fields that repeat, and none that are long, personal or unique", () => {
    const decoder = new HpackDecoder(4096);
    const others = {
      "grpc-message": "no such user",
      "set-cookie": "s",
      date: "today",
      "x-user": "u",
      etag: "e",
      vary: "v".repeat(300),
    };
    fieldsIn(decoder, new HpackEncoder(4096).encode(200, { ...others, "content-type": "a/b", ...trailers }));
    expect(tableOf(decoder)).toEqual([
      ["grpc-status", "0"],
      ["content-type", "a/b"],
    ]);
  });

  test("gets no more once it is full, and evicts nothing", () => {
    const [encoder, decoder] = [new HpackEncoder(4096), new HpackDecoder(4096)];
    const types = Array.from({ length: 200 }, (_, at) => ({ "content-type": `application/x-${at}` }));
    for (const fields of [...types, ...types]) {
      expect(fieldsIn(decoder, encoder.encode(undefined, fields))).toEqual(Object.entries(fields));
    }
    const table = tableOf(decoder);
    expect(table.at(-1)).toEqual(["content-type", "application/x-0"]);
    expect(sizeOf(table)).toBeGreaterThan(4000);
    expect(encoder.encode(undefined, types[0]!).toString("hex")).toBe("ff02");
  });

  const hex = (encoder: HpackEncoder) => encoder.encode(200, {}).toString("hex");

  test("begins with 4096 bytes, without a word", () => {
    expect(hex(new HpackEncoder(4096))).toBe("88");
    expect(hex(new HpackEncoder(65_536))).toBe("88");
  });

  test("is emptied and gets its new size at the beginning of the next block, once", () => {
    const encoder = new HpackEncoder(4096);
    encoder.setPeerTableBytes(1000);
    expect(hex(encoder)).toBe("203fc90788");
    expect(hex(encoder)).toBe("88");
  });

  test("gets no size when the setting changes nothing", () => {
    const encoder = new HpackEncoder(4096);
    encoder.setPeerTableBytes(4096);
    encoder.setPeerTableBytes(2 ** 32 - 1);
    expect(hex(encoder)).toBe("88");
  });

  test("is used up to the most that the encoder may use", () => {
    const encoder = new HpackEncoder(100);
    expect(hex(encoder)).toBe("203f4588");
    encoder.setPeerTableBytes(64);
    expect(hex(encoder)).toBe("203f2188");
    encoder.setPeerTableBytes(2 ** 32 - 1);
    expect(hex(encoder)).toBe("203f4588");
  });

  test("is emptied even if it has its size again before the next block", () => {
    const encoder = new HpackEncoder(4096);
    encoder.setPeerTableBytes(64);
    encoder.setPeerTableBytes(4096);
    expect(hex(encoder)).toBe("203fe11f88");
  });

  test("is not used at all when its size is 0", () => {
    const [encoder, decoder] = [new HpackEncoder(4096), new HpackDecoder(4096)];
    fieldsIn(decoder, encoder.encode(200, headers));
    encoder.setPeerTableBytes(0);
    const block = encoder.encode(200, headers);
    expect(block[0]).toBe(0x20);
    for (const sent of [block, encoder.encode(200, headers), encoder.encode(200, headers)]) {
      expect(fieldsIn(decoder, sent)).toEqual([[":status", "200"], ...Object.entries(headers)]);
    }
    expect(tableOf(decoder)).toEqual([]);
  });
});

describe("what a server may not send", () => {
  const refused: readonly [what: string, fields: OutgoingHttpHeaders, named: string][] = [
    ["an empty name", { "": "v" }, '""'],
    ["a capital letter in a name", { "x-A": "v" }, "x-A"],
    ["a space in a name", { "x a": "v" }, "x a"],
    ["a line break in a name", { "x\r\ny": "v" }, "x\\r\\ny"],
    ["a colon in a name", { ":path": "v" }, ":path"],
    ["a letter beyond ASCII in a name", { "x-é": "v" }, "x-é"],
    ["a DEL in a name", { "x\x7f": "v" }, "x\x7f"],
    ["NUL", { "x-bad": "v\0v" }, "x-bad"],
    ["CR", { "x-bad": "v\rv" }, "x-bad"],
    ["LF", { "x-bad": "v\nv" }, "x-bad"],
    ["LF at the end", { "x-bad": "v\n" }, "x-bad"],
    ["a letter beyond latin1", { "x-bad": "vĀv" }, "x-bad"],
    ["an emoji", { "x-bad": "v😀" }, "x-bad"],
    ["a space at the beginning", { "x-bad": " v" }, "x-bad"],
    ["a tab at the end", { "x-bad": "v\t" }, "x-bad"],
    ["a space alone", { "x-bad": " " }, "x-bad"],
    ["a space at the end of one in a list", { "x-bad": ["v", "v "] }, "x-bad"],
  ];
  test.each(refused)("%s is a TypeError that names the field", (_, fields, named) => {
    const encode = () => new HpackEncoder(4096).encode(200, fields);
    expect(encode).toThrow(TypeError);
    expect(encode).toThrow(named);
  });

  test("leaves the table as it is, and a new size due", () => {
    const [encoder, decoder] = [new HpackEncoder(4096), new HpackDecoder(4096)];
    encoder.setPeerTableBytes(1000);
    expect(() => encoder.encode(200, { "content-type": "a/b", "x-bad": "\n" })).toThrow(TypeError);
    const block = encoder.encode(200, headers);
    const expected: Field[] = [[":status", "200"], ...Object.entries(headers)];
    expect(block.subarray(0, 4).toString("hex")).toBe("203fc907");
    for (const sent of [block, encoder.encode(200, headers)]) expect(fieldsIn(decoder, sent)).toEqual(expected);
    expect(tableOf(decoder)).toHaveLength(3);
  });

  test("has no value in its error, because it may be personal", () => {
    expect(() => new HpackEncoder(4096).encode(200, { "x-bad": "ada@example.com\n" })).toThrow(/^(?!.*ada)/s);
  });
});
