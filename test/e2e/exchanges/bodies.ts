/** Bodies in JSON that no client's library would write, and requests over plain HTTP/1.1. */
import { gzipSync } from "node:zlib";
import { expect } from "vitest";
import { version } from "../../../src/config/version.ts";
import { ada } from "../../support/server.ts";

interface More {
  /** Default: Identify. */
  readonly method?: string;
  /** Default: MALFORMED_REQUEST. */
  readonly reason?: string;
  /** Of the violation. */
  readonly description?: string;
  readonly metadata?: object;
  readonly message?: string;
}
type Body = readonly [body: string | Buffer, field?: string | undefined, more?: More];

const repeated = { description: "is repeated" };
const property = { reason: "INVALID_PROPERTY" };
const unknown = (method = "Identify", type = "") => ({ method, description: `is no field of ${type}` });
const found = { method: "FindUsers" };
const counted = { method: "CountUsers" };
const noMatch = { ...found, reason: "INVALID_MATCH" };
const scanned = { method: "ScanUsers" };
const unknownMode = { method: "SetPreferences", reason: "INVALID_ENUM_VALUE" };
const unreadable = (where: string) => ({ message: `a rollcall.v1.IdentifyRequest cannot be read: ${where}` });
const deep = `{"id":"u1","properties":{"d":${"[".repeat(1_000)}"secret"${"]".repeat(1_000)}}}`;

/** Each is refused with its fields named, and none is quoted: `secret` stands for what must not be. */
export const refusedBodies: readonly Body[] = [
  [`{"id":"u1","properties":{"name":"secret`],
  [`"secret"`],
  [`{"id":"u1","properties":"secret"}`],
  [Buffer.from([0xff, 0xfe])],
  [`{"id":"x","id":"u"}`, "id", repeated],
  [`{"id":"u","properties":{"a":1},"properties":{"b":2}}`, "properties", repeated],
  [`{"id":"u","validate_only":true,"validateOnly":false}`, "validate_only", repeated],
  [`{"id":"u","precondition":{"exists":true,"exists":false}}`, "precondition.exists", repeated],
  [`{"id":"u","properties":{"a":1,"b":2,"a":3}}`, "properties.a", { ...property, ...repeated }],
  [
    String.raw`{"id":"u","properties":{"l":[{"a":1},{"a":1,"\u0061":2}]}}`,
    "properties.l[1].a",
    { ...property, ...repeated },
  ],
  [Buffer.from(`{"id":"u","properties":{"a":"\xff"}}`, "latin1"), undefined, unreadable("not UTF-8")],
  [`{"id":"u","properties":{"a":1}`, undefined, unreadable("not JSON at byte 30")],
  [`{"id":"u",}`, undefined, unreadable("not JSON at byte 10")],
  [deep, `properties.d${"[0]".repeat(24)}`, { reason: "LIMIT_EXCEEDED", metadata: { limit: "maxValueDepth" } }],
  [`{"id":5}`, "id"],
  [`{"id":"u","unset":[1]}`, "unset[0]"],
  [`{"id":"u","validate_only":"yes"}`, "validate_only"],
  [`{"id":"u","observed_at":"secret"}`, "observed_at"],
  [`{"id":"u","precondition":{"exists":true,"etag":"secret"}}`, "precondition"],
  [`{"id":"u","traits":{"name":"secret"}}`, "traits", unknown()],
  [`{"requests":[{"id":"u"},{"id":"u","traits":"secret"}]}`, "requests[1].traits", unknown("IdentifyUsers")],
  [
    `{"requests":[{"id":"u","properties":{"a":1,"a":2}}]}`,
    "requests[0].properties.a",
    { ...property, ...repeated, method: "IdentifyUsers" },
  ],
  [`{"report":"EVERYTHING"}`, "report", { method: "IdentifyUsers", reason: "INVALID_ENUM_VALUE" }],
  [`{"ids":"secret"}`, "ids", unknown("GetRegistry")],
  [`{"id":"u","precondition":{"x y":"secret"}}`, '["x y"]', unknown()],
  [`{"id":"u","properties":"secret"}`, "properties", unknown("GetUser")],
  [`{"id":"u","x y":"secret"}`, '["x y"]', unknown("GetUser")],
  [`{"id":"there","preferences":{"b":2},"mode":"MERGE"}`, "mode", unknownMode],
  [`{"id":"there","preferences":{"b":2},"mode":"PREFERENCES_MODE_APPEND"}`, "mode", unknownMode],
  [`{"id":"there","preferences":{"b":2},"mode":7}`, "mode", unknownMode],
  [`{"id":"there","preferences":{"b":2},"mode":-1}`, "mode", unknownMode],
  [String.raw`{"id":"u","properties":{"name":"\ud800","email":"x"}}`, "properties.name", property],
  [String.raw`{"id":"u","properties":{"a":[1,{"b":"\udc00"}]}}`, "properties.a[1].b", property],
  [String.raw`{"id":"\ud800"}`, "id"],
  [`{"id":"u","properties":{"name":"x","email":"y","n":[1e999]}}`, "properties.n[0]", property],
  [`{"match":"secret"}`, "match", found],
  [`{"match":{"property":"email","equal":"secret"}}`, "match.equal", unknown("FindUsers", "rollcall.v1.Match")],
  [`{"match":{"property":7,"equals":"secret"}}`, "match.property", found],
  [`{"match":{"property":"email","present":"secret"}}`, "match.present", found],
  [`{"match":{"property":"email","starts_with":["secret"]}}`, "match.starts_with", counted],
  [`{"match":{"property":"email","starts_with":"secret","startsWith":"secret"}}`, "match.starts_with", counted],
  [String.raw`{"match":{"property":"email","equals":"secret\ud800"}}`, "match.equals", counted],
  [`{"match":{"property":"email","equals":1e999}}`, "match.equals", noMatch],
  [`{"match":{"property":"email","equals":null}}`, "match.equals", noMatch],
  [`{"match":{"property":"email","equals":"secret","starts_with":"secret"}}`, "match", noMatch],
  [`{"match":{"property":"email","equals":null,"present":true}}`, "match", noMatch],
  [`{"match":{"property":"email","starts_with":null,"present":null}}`, "match", noMatch],
  [`{"match":null}`, "match", noMatch],
  [`{"where":["secret"]}`, "where", scanned],
  [`{"where":{"plan":"secret"}}`, "where.plan", unknown("ScanUsers", "rollcall.v1.UserFilter")],
  [`{"where":{"updated_after":"secret"}}`, "where.updated_after", scanned],
  [`{"where":{"updated_after":"2026-11-01T00:00:00Z","created_after":5}}`, "where.created_after", scanned],
  [`{"where":{"properties":{"a":1,"a":"secret"}}}`, "where.properties.a", { ...property, method: "ScanUsers" }],
  [
    `{"where":{"created_after":"1969-12-31T23:59:59Z"}}`,
    "where.created_after",
    { ...scanned, reason: "INVALID_FILTER" },
  ],
  [
    `{"requests":[{"id":"u"},{"id":"u","validate_only":"secret"}]}`,
    "requests[1].validate_only",
    { method: "IdentifyUsers" },
  ],
];

const special = `"__proto__":{"a":1},"constructor":null`;

/** Bodies that are read, and what the answers hold of them. */
export const readBodies: readonly [method: string, body: string, text: string][] = [
  ["Identify", `{"id":"proto","properties":{"name":"x","email":"y",${special}}}`, `"__proto__":{"a":1}`],
  ["Identify", `{"id":"proto","properties":{"name":"x","email":"y",${special}}}`, `"constructor":null`],
  ["Identify", `{"id":"n","properties":{"name":"x","email":"y","a":-0}}`, `"a":0`],
  ["Identify", `{"id":"n","properties":{"name":"x","email":"y","b":9007199254740993}}`, `"b":9007199254740992`],
  ["GetUser", `{"id":"there","only_properties":["b"]}`, `"properties":{"b":2}`],
  ["GetUser", `{"id":"there","onlyProperties":["b"]}`, `"properties":{"b":2}`],
];

interface Http {
  /** Without one, it is a GET. */
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** Beside the content type of JSON. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly answer?: object;
}

const json = JSON.stringify({ id: "plain", properties: { ...ada, n: 1 } });
const batch = JSON.stringify({ requests: [{ id: "batched", properties: ada }, { id: "bare" }] });
const large = JSON.stringify({ id: "u", properties: { ...ada, t: "x".repeat(5 * 1024 * 1024) } });
export const thereQuery = `connect=v1&encoding=json&message=${encodeURIComponent(JSON.stringify({ id: "there" }))}`;
const sought = JSON.stringify({ match: { property: "email", equals: "ada@example.com" } });
const soughtQuery = `connect=v1&encoding=json&message=${encodeURIComponent(sought)}`;
const asked = `connect=v1&message=${JSON.stringify({ id: "who?" })}`;
const within = (ms: string) => ({ body: `{"id":"nobody"}`, headers: { "connect-timeout-ms": ms } });
const zipped = (text: string) => ({ body: new Uint8Array(gzipSync(text)), headers: { "content-encoding": "gzip" } });
const coded = (body: Uint8Array<ArrayBuffer>, headers = {}) => ({
  body,
  headers: { "content-type": "application/proto", ...headers },
});
const form = { body: "id=u1", headers: { "content-type": "application/x-www-form-urlencoded" } };
const failed = (code: string, reason?: string) => ({
  answer: { code, ...(reason !== undefined && { details: [{ debug: { reason } }] }) },
});
const malformed = failed("invalid_argument", "MALFORMED_REQUEST").answer;
const message = expect.stringMatching(/^the header connect-timeout-ms cannot be read: /);
const named = (...names: string[]) => expect.toSatisfy((object) => Object.keys(object).sort().join() === names.join());
const user = named("created_at", "etag", "id", "preferences", "properties", "updated_at");

/** What follows the service's name in the path, and the answer. */
export const httpExchanges: readonly [name: string, path: string, status: number, what: Http][] = [
  ["a compressed body", "Identify", 200, { ...zipped(json), answer: { outcome: "OUTCOME_CREATED", user } }],
  ["a GET", `GetUser?${thereQuery}`, 200, { answer: { user: { id: "there" } } }],
  ["a GET with a question mark in it", `GetUser?${asked}&encoding=json`, 404, failed("not_found")],
  ["a GET with an escaped encoding", `GetUser?${asked}&encoding=%6Ason`, 404, failed("not_found")],
  [
    "a GET without a message",
    "GetRegistry?connect=v1&encoding=json&message=%7B%7D",
    200,
    { answer: { version: version() } },
  ],
  [
    "a batch",
    "IdentifyUsers",
    200,
    { body: batch, answer: { created: 1, failed: 1, results: [{ index: 1, id: "bare" }] } },
  ],
  ["a GET of a method with side effects", `Identify?${thereQuery}`, 405, {}],
  ["the same with no time left", `Identify?${thereQuery}`, 405, { headers: { "connect-timeout-ms": "0" } }],
  // A URL would have the value.
  ["a GET that finds users", `FindUsers?${soughtQuery}`, 405, {}],
  ["a GET that counts users", `CountUsers?${soughtQuery}`, 405, {}],
  ["a GET that scans users", `ScanUsers?connect=v1&encoding=json&message=%7B%7D`, 405, {}],
  ["no method", "../", 404, {}],
  ["an unknown method", "Nothing", 404, { body: "{}", ...failed("unimplemented", "NOT_IMPLEMENTED") }],
  ["a timeout of years", "GetUser", 404, { ...within("9999999999"), ...failed("not_found") }],
  ["a timeout that has passed", "GetUser", 504, { ...within("0"), ...failed("deadline_exceeded") }],
  ["a timeout that is none", "GetUser", 400, { ...within("-1"), answer: { ...malformed, message } }],
  ["an unknown content type", "GetUser", 415, form],
  ["the same with no time left", "GetUser", 415, { ...form, headers: { ...form.headers, "connect-timeout-ms": "0" } }],
  ["a stream of gRPC", "BatchIdentify", 505, { body: "", headers: { "content-type": "application/grpc" } }],
  ["a body over 4 MiB", "Identify", 429, { body: large, ...failed("resource_exhausted", "LIMIT_EXCEEDED") }],
  ["a compressed one", "Identify", 429, { ...zipped(large), ...failed("resource_exhausted", "LIMIT_EXCEEDED") }],
  ["half a message", "Identify", 400, { ...coded(Uint8Array.of(0x0a, 0xff)), answer: malformed }],
  ...["gzip", "br"].flatMap((encoding) =>
    [
      Uint8Array.of(0x1f, 0x8b, 8, 0),
      new Uint8Array(),
      Uint8Array.of(1, 2, 3),
      new Uint8Array(Buffer.from("no gzip")),
    ].map((body): (typeof httpExchanges)[number] => [
      `${body.length} bytes that are no ${encoding}`,
      "GetUser",
      400,
      { ...coded(body, { "content-encoding": encoding }), ...failed("invalid_argument") },
    ]),
  ),
];
