import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HeaderBlocks } from "../../src/http2/header-blocks.ts";
import { listen } from "../../src/transport/listener.ts";
import { answerWith } from "../support/exchanges.ts";
import { flags, frame, framesIn, frameTypes, preface } from "../support/http2-frames.ts";
import { and, decode, reading, request } from "./decoded-heads.ts";
import { type NodeReference, startNodeReference } from "./header-reference.ts";
import { type Field, literal, plainBlock } from "./hpack-blocks.ts";

const protocolError = 1;

function without(...names: string[]): Field[] {
  return request.filter(([name]) => !names.includes(name));
}

function having(name: string, value: string): Field[] {
  return request.map((field) => (field[0] === name ? [name, value] : field));
}

let node: NodeReference;
beforeAll(async () => {
  node = await startNodeReference();
});
afterAll(() => {
  node.close();
});

/**
 * `dropped by Node`: the request is malformed, but Node drops a field of a bad name or value, and serves the rest. Then its
 * handler works without a field that the client has sent. RFC 9113, section 8.2.1, says that such a request is malformed.
 *
 * `served by Node`: a :path that would be good for a scheme other than http and https. Rollcall serves no other.
 */
type Outcome = "served" | "malformed" | "dropped by Node" | "served by Node";

const rows: readonly (readonly [section: string, what: string, outcome: Outcome, headers: Field[]])[] = [
  ["8.2", "a good request", "served", and(["x-a", "b"])],
  ["8.2", "a name in upper case", "malformed", and(["X-a", "b"])],
  ["8.2", "names of JavaScript's objects", "served", and(["__proto__", "a"], ["constructor", "b"], ["tostring", "c"])],
  ["8.2", "names that are numbers", "served", and(["1", "b"], ["0", "c"])],
  ["8.2.1", "an empty name", "dropped by Node", and(["", "b"])],
  ["8.2.1", "a space in a name", "dropped by Node", and(["x a", "b"])],
  ["8.2.1", "a colon within a name", "dropped by Node", and(["x:a", "b"])],
  ["8.2.1", "a character beyond ASCII in a name", "dropped by Node", and(["x\xe9", "b"])],
  ["8.2.1", "NUL in a value", "dropped by Node", and(["x-a", "b\0c"])],
  ["8.2.1", "CR in a value", "dropped by Node", and(["x-a", "b\rc"])],
  ["8.2.1", "LF in a value", "dropped by Node", and(["x-a", "b\nc"])],
  ["8.2.1", "a space before a value", "dropped by Node", and(["x-a", " b"])],
  ["8.2.1", "a space behind a value", "dropped by Node", and(["x-a", "b "])],
  ["8.2.1", "a tab before a value", "dropped by Node", and(["x-a", "\tb"])],
  ["8.2.1", "a value of a space alone", "dropped by Node", and(["x-a", " "])],
  ["8.2.1", "a tab within a value", "served", and(["x-a", "b\tc"])],
  ["8.2.1", "an empty value", "served", and(["x-a", ""])],
  ["8.2.1", "a value beyond ASCII", "served", and(["x-a", "\xe9"])],
  ["8.2.2", "connection", "malformed", and(["connection", "close"])],
  ["8.2.2", "proxy-connection", "malformed", and(["proxy-connection", "close"])],
  ["8.2.2", "keep-alive", "malformed", and(["keep-alive", "timeout=5"])],
  ["8.2.2", "transfer-encoding", "malformed", and(["transfer-encoding", "chunked"])],
  ["8.2.2", "upgrade", "malformed", and(["upgrade", "h2c"])],
  ["8.2.2", "te: trailers", "served", and(["te", "trailers"])],
  ["8.2.2", "te: Trailers", "served", and(["te", "Trailers"])],
  ["8.2.2", "te: gzip", "malformed", and(["te", "gzip"])],
  ["8.2.2", "te: trailers, deflate", "malformed", and(["te", "trailers, deflate"])],
  ["8.2.2", "an empty te", "malformed", and(["te", ""])],
  ["8.3", "a pseudo-header behind a field", "malformed", [...without(":path"), ["x-a", "b"], [":path", "/"]]],
  ["8.3", "a pseudo-header twice", "malformed", and([":path", "/"])],
  ["8.3", "a pseudo-header of answers", "malformed", and([":status", "200"])],
  ["8.3", "an unknown pseudo-header", "malformed", and([":unknown", "a"])],
  ["8.3", "a colon alone", "malformed", and([":", "a"])],
  ["8.3", "a pseudo-header in upper case", "malformed", [...without(":path"), [":Path", "/"]]],
  ["8.3.1", "no :method", "malformed", without(":method")],
  ["8.3.1", "no :scheme", "malformed", without(":scheme")],
  ["8.3.1", "no :path", "malformed", without(":path")],
  ["8.3.1", "neither :authority nor host", "malformed", without(":authority")],
  ["8.3.1", "an empty :method", "malformed", having(":method", "")],
  ["8.3.1", "an empty :scheme", "malformed", having(":scheme", "")],
  ["8.3.1", "an empty :path", "malformed", having(":path", "")],
  ["8.3.1", "an empty :authority", "malformed", having(":authority", "")],
  ["8.3.1", "an empty :authority beside host", "malformed", [...having(":authority", ""), ["host", "localhost"]]],
  ["8.3.1", "host in the place of :authority", "served", [...without(":authority"), ["host", "localhost"]]],
  ["8.3.1", "an empty host", "malformed", [...without(":authority"), ["host", ""]]],
  ["8.3.1", "host beside :authority", "served", and(["host", "localhost"])],
  // Section 8.3.1 says that a server should refuse it. Node does not, and neither matters to Rollcall.
  ["8.3.1", "a host that differs from :authority", "served", and(["host", "example.com"])],
  ["8.3.1", "another :scheme without :authority", "malformed", [...having(":scheme", "x").slice(0, 3)]],
  [
    "8.3.1",
    "another :scheme and :path",
    "served by Node",
    [...having(":scheme", "x").slice(0, 2), [":path", "a"], [":authority", "a"]],
  ],
  ["8.3.1", "an empty host beside :authority", "malformed", and(["host", ""])],
  ["8.3.1", "host twice", "malformed", and(["host", "localhost"], ["host", "localhost"])],
  ["8.3.1", "content-length twice", "malformed", and(["content-length", "0"], ["content-length", "0"])],
  ["8.3.1", "another :method", "served", having(":method", "get")],
  ["8.3.1", "another :scheme", "served", having(":scheme", "x-y+z.1")],
  ["8.3.1", "a :scheme that begins with a digit", "malformed", having(":scheme", "1http")],
  ["8.3.1", "a :path without a slash", "malformed", having(":path", "a")],
  ["8.3.1", "a :path with a host", "malformed", having(":path", "http://localhost/")],
  ["8.3.1", "a :path of a query alone", "malformed", having(":path", "?a")],
  ["8.3.1", "a :path with a query", "served", having(":path", "/a?b=c")],
  ["8.3.1", "the :path * of OPTIONS", "served", [[":method", "OPTIONS"], ...having(":path", "*").slice(1)]],
  ["8.3.1", "the :path * of another method", "malformed", having(":path", "*")],
  ["8.3.1", "the :path **", "malformed", [[":method", "OPTIONS"], ...having(":path", "**").slice(1)]],
  ["8.3.1", "an :authority with a port", "served", having(":authority", "[::1]:80")],
  ["8.3.1", "an :authority with a user", "malformed", having(":authority", "user@localhost")],
  [
    "8.5",
    "CONNECT",
    "served",
    [
      [":method", "CONNECT"],
      [":authority", "localhost:1"],
    ],
  ],
  [
    "8.5",
    "CONNECT with :path",
    "malformed",
    [
      [":method", "CONNECT"],
      [":authority", "a:1"],
      [":path", "/"],
    ],
  ],
  [
    "8.5",
    "CONNECT with :scheme",
    "malformed",
    [
      [":method", "CONNECT"],
      [":authority", "a:1"],
      [":scheme", "http"],
    ],
  ],
  ["8.5", "CONNECT without :authority", "malformed", [[":method", "CONNECT"]]],
  [
    "8.5",
    "CONNECT with host alone",
    "malformed",
    [
      [":method", "CONNECT"],
      ["host", "a:1"],
    ],
  ],
  [
    "8.5",
    "CONNECT with :protocol, which is not offered",
    "malformed",
    [[":method", "CONNECT"], ...request.slice(1), [":protocol", "websocket"]],
  ],
];

describe("a request", () => {
  test.each(rows)("section %s: %s: %s", async (_, __, outcome, headers) => {
    const fields = reading(headers);
    const [byNode] = await node.read([{ headers }]);
    expect(fields.fault === undefined).toBe(outcome === "served");
    if (outcome === "malformed") expect(byNode).toBeUndefined();
    else if (outcome === "served by Node") expect(byNode).toEqual(headers);
    else if (outcome === "dropped by Node") expect(byNode).toEqual(request);
    else expect(Object.entries(fields.head.headers)).toEqual(byNode);
    expect(fields.head.isTooLarge).toBe(false);
  });

  const everyCode = Array.from({ length: 256 }, (_, code) => code);
  test.each<[where: string, fieldsWith: (character: string) => Field[], name: (character: string) => string]>([
    ["a name", (character) => and([`x${character}y`, "1"]), (character) => `x${character}y`],
    ["a value", (character) => and(["x-a", `1${character}2`]), () => "x-a"],
    ["the beginning of a value", (character) => and(["x-a", `${character}2`]), () => "x-a"],
    ["the end of a value", (character) => and(["x-a", `1${character}`]), () => "x-a"],
    [":method", (character) => having(":method", `P${character}T`), () => ":method"],
    [":scheme", (character) => having(":scheme", `h${character}p`), () => ":scheme"],
    [":path", (character) => having(":path", `/${character}a`), () => ":path"],
    [":authority", (character) => having(":authority", `a${character}b`), () => ":authority"],
    ["host", (character) => and(["host", `a${character}b`]), () => "host"],
  ])("may have the characters that Node lets pass, in %s", async (_, fieldsWith, name) => {
    const characters = everyCode.map((code) => String.fromCharCode(code));
    const byNode = await node.read(characters.map((character) => ({ headers: fieldsWith(character) })));
    const passed = characters.filter((character, at) => byNode[at]?.some(([each]) => each === name(character)));
    expect(characters.filter((character) => reading(fieldsWith(character)).fault === undefined)).toEqual(passed);
  });

  test("is malformed each time, also if a bad field is in HPACK's table", () => {
    const blocks = new HeaderBlocks();
    const first = Buffer.concat([plainBlock(request), literal(["x-a", "1\0"], "added", false)]);
    decode(blocks, first);
    expect(blocks.fields.fault).toBe("x-a has a value that it may not have");
    const second = Buffer.concat([plainBlock(request), Buffer.of(0xbe)]);
    for (let times = 0; times < 3; times++) {
      decode(blocks, second);
      expect(blocks.fields.fault).toBe("x-a has a value that it may not have");
    }
  });
});

test.each<[what: string, outcome: Outcome, trailers: Field[]]>([
  ["a field", "served", [["x-a", "b"]]],
  ["no field", "served", []],
  ["a request's pseudo-header", "malformed", [[":path", "/"]]],
  ["an answer's pseudo-header", "malformed", [[":status", "200"]]],
  ["a name in upper case", "malformed", [["X-a", "b"]]],
  ["a field of HTTP/1.1's connections", "malformed", [["connection", "close"]]],
  ["te: gzip", "malformed", [["te", "gzip"]]],
  ["a bad value", "dropped by Node", [["x-a", "b\0"]]],
])("trailers, section 8.1, with %s: %s", async (_, outcome, trailers) => {
  const [byNode] = await node.read([{ headers: request, trailers }]);
  expect(reading(trailers, true).fault === undefined).toBe(outcome === "served");
  expect(byNode === undefined).toBe(outcome === "malformed");
});

describe("fields that repeat", () => {
  test.each(
    // Those of which Node takes the first, and others.
    (
      "access-control-allow-credentials access-control-max-age access-control-request-method age authorization " +
      "content-encoding content-language content-location content-md5 content-range content-type date dnt etag expires from " +
      "if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards " +
      "proxy-authorization range referer retry-after tk upgrade-insecure-requests user-agent x-content-type-options " +
      "accept accept-encoding cache-control cookie forwarded grpc-accept-encoding grpc-encoding grpc-timeout set-cookie te " +
      "x-forwarded-for __proto__ constructor"
    ).split(" "),
  )("%s is as Node has it", async (name) => {
    const texts = name === "te" ? ["trailers", "trailers", "trailers"] : ["a", "", "b"];
    const headers = and(...texts.map((text): Field => [name, text]));
    const { head, fault } = reading(headers);
    const [byNode] = await node.read([{ headers }]);
    expect(fault).toBeUndefined();
    expect(Object.entries(head.headers)).toEqual(byNode);
  });

  test("are all there, in order, for those who ask", () => {
    const headers = and(["b", "1"], ["authorization", "x"], ["1", "y"], ["authorization", "z"], ["b", "2"]);
    expect(reading(headers).head.rawHeaders).toEqual(headers.flat());
  });
});

test.each<[what: string, headers: Field[], trailers: Field[] | undefined]>([
  ["request", and(["connection", "close"]), undefined],
  ["request with malformed trailers", [...request], [["connection", "close"]]],
])(
  "a malformed %s is reset with PROTOCOL_ERROR, and others on its connection are served",
  async (_, headers, trailers) => {
    const listener = await listen({
      http2: "own",
      host: "127.0.0.1",
      port: 0,
      handler: (exchange) =>
        exchange.receive(
          () => {},
          () => answerWith(exchange, ""),
        ),
    });
    const socket = connect(listener.port, "127.0.0.1");
    try {
      const last = flags.endHeaders | flags.endStream;
      socket.write(preface);
      socket.write(frame("headers", trailers === undefined ? last : flags.endHeaders, 1, plainBlock(headers)));
      if (trailers !== undefined) socket.write(frame("headers", last, 1, plainBlock(trailers)));
      socket.write(frame("headers", last, 3, plainBlock(request)));
      let received: Buffer = Buffer.alloc(0);
      while (!framesIn(received).some(({ stream, type }) => stream === 3 && type === frameTypes.headers)) {
        const [chunk]: Buffer[] = await once(socket, "data");
        if (chunk !== undefined) received = Buffer.concat([received, chunk]);
      }
      const [reset] = framesIn(received).filter(({ stream }) => stream === 1);
      expect(reset?.type).toBe(frameTypes.reset);
      expect(reset?.payload.readUInt32BE(0)).toBe(protocolError);
    } finally {
      socket.destroy();
      listener.destroy();
    }
  },
);
