/** What is tried of the page in a browser, each by its name. */
import assert from "node:assert/strict";
import { messageOf } from "../support/message-of.ts";
import type { RollcallPage, Shown } from "./rollcall-page.ts";

export interface Stage {
  /** Of an origin that the servers list. */
  readonly page: RollcallPage;
  /** Of another one. */
  readonly otherPage: RollcallPage;
  readonly server: { readonly url: string; readonly stall: () => void; readonly goOn: () => void };
  /** Asks for a token. */
  readonly secured: { readonly url: string; readonly token: string };
  /** Lists no origin. */
  readonly closed: { readonly url: string };
  /** Over TLS, where browsers speak HTTP/2: one for each HTTP/2 of the server. */
  readonly overTls: readonly { readonly name: string; readonly url: string }[];
}

export interface Trial {
  readonly name: string;
  readonly run: (stage: Stage) => Promise<void>;
}

const ada = JSON.stringify({ name: "Ada", email: "ada@example.com" });

const contentTypes = {
  "Connect in binary": "application/proto",
  "Connect in JSON": "application/json",
  "gRPC-Web in binary": "application/grpc-web+proto",
  "gRPC-Web in JSON": "application/grpc-web+json",
} as const;
const protocols = ["Connect", "gRPC-Web"] as const;
const encodings = ["binary", "JSON"] as const;

const calling: readonly Trial[] = protocols.flatMap((protocol) =>
  encodings.map((encoding) => ({
    name: `identifies, gets and lists users over ${protocol} in ${encoding}, on HTTP/1.1`,
    async run({ page, server }) {
      await page.use({ server: server.url, protocol, encoding });
      const id = `${protocol} ${encoding}`;
      has(await page.identify(id, ada), "CREATED", `"id": "${id}"`, '"email": "ada@example.com"');
      has(await page.identify(id, ada), "UNCHANGED");
      has(await page.get(id), "Stored", '"name": "Ada"');
      has(await page.list(), "Users", id);
      const contentType = contentTypes[`${protocol} in ${encoding}`];
      const call = { contentType, httpVersion: "http/1.1", status: 200 };
      const found = page.calls.map(({ contentType, answer }) => {
        return { contentType, httpVersion: answer?.httpVersion, status: answer?.status };
      });
      assert.deepEqual(found, [call, call, call, call]);
    },
  })),
);

const refused: readonly Trial[] = protocols.map((protocol) => ({
  name: `shows the reason and the violations of a refusal over ${protocol}`,
  async run({ page, server }) {
    await page.use({ server: server.url, protocol });
    const shown = await page.identify("refused", '{"name":"Grace"}');
    has(shown, "INVALID_ARGUMENT: REQUIRED_PROPERTY_MISSING", "properties.email ");
    has(await page.get("refused"), "NOT_FOUND: USER_NOT_FOUND");
  },
}));

const tokens: readonly Trial[] = protocols.map((protocol) => ({
  name: `sends a token over ${protocol}: the right one counts, another or none is UNAUTHENTICATED`,
  async run({ page, secured: { url: server, token } }) {
    await page.use({ server, protocol, token });
    has(await page.identify(protocol, ada), "CREATED");
    for (const other of ["another", ""]) {
      await page.use({ server, protocol, token: other });
      has(await page.get(protocol), "UNAUTHENTICATED: CREDENTIALS_INVALID");
    }
  },
}));

const deadlines: readonly Trial[] = protocols.map((protocol) => ({
  name: `gives up at its deadline over ${protocol}, where the server stands still`,
  async run({ page, server }) {
    await page.use({ server: server.url, protocol, timeoutMs: 300 });
    server.stall();
    try {
      has(await page.get("late"), "DEADLINE_EXCEEDED");
    } finally {
      server.goOn();
    }
  },
}));

const http2: readonly Trial[] = [
  ...protocols.flatMap((protocol) =>
    encodings.map((encoding) => ({
      name: `identifies, gets and lists users over ${protocol} in ${encoding}, on HTTP/2`,
      run: (stage: Stage) =>
        overEach(stage, async (url) => {
          const { page } = stage;
          await page.use({ server: url, protocol, encoding });
          const id = `${protocol} ${encoding}`;
          has(await page.identify(id, ada), "CREATED", `"id": "${id}"`, '"email": "ada@example.com"');
          has(await page.get(id), "Stored", '"name": "Ada"');
          has(await page.list(), "Users", id);
          has(await page.get("nobody"), "NOT_FOUND: USER_NOT_FOUND");
          const found = page.calls.map(({ answer }) => answer?.httpVersion);
          assert.deepEqual(found, ["h2", "h2", "h2", "h2"]);
        }),
    })),
  ),
  {
    name: "reads an answer of 240,000 bytes, on HTTP/2",
    run: (stage) =>
      overEach(stage, async (url) => {
        const { page } = stage;
        await page.use({ server: url });
        const values = Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, name.repeat(60_000)]));
        has(await page.identify("large", JSON.stringify({ ...JSON.parse(ada), ...values })), "CREATED");
        has(await page.get("large"), "Stored", ...Object.values(values));
      }),
  },
  {
    name: "makes 100 calls at once on one connection, on HTTP/2",
    run: (stage) =>
      overEach(stage, async (url) => {
        const { page } = stage;
        await page.use({ server: url });
        has(await page.identify("crowd", ada), "CREATED");
        await page.use({ server: url });
        const statuses = await page.getAtOnce("crowd", 100);
        assert.deepEqual(statuses, Array(100).fill(200));
        const connections = page.calls.map(({ answer }) => `${answer?.httpVersion} ${answer?.connection}`);
        assert.equal(connections.length, 100);
        assert.equal(new Set(connections).size, 1, connections.join());
      }),
  },
];

async function overEach({ overTls }: Stage, run: (url: string) => Promise<void>): Promise<void> {
  for (const { name, url } of overTls) {
    try {
      await run(url);
    } catch (cause) {
      throw new Error(`${name}: ${messageOf(cause)}`, { cause });
    }
  }
}

export const trials: readonly Trial[] = [
  ...calling,
  ...http2,
  ...refused,
  ...tokens,
  ...deadlines,
  {
    name: "a page of an origin that is not listed cannot call",
    run: ({ otherPage, server }) => cannotCall(otherPage, server.url),
  },
  {
    name: "a server that lists no origin cannot be called",
    run: ({ page, closed }) => cannotCall(page, closed.url),
  },
];

/** The browser keeps the page from the call, and nothing of it comes about. */
async function cannotCall(page: RollcallPage, server: string): Promise<void> {
  for (const protocol of protocols) {
    await page.use({ server, protocol });
    const id = `kept out of ${protocol}`;
    has(await page.identify(id, ada), "UNKNOWN", `is ${page.origin} one of its --cors-origins?`);
    assert.match(page.calls[0]?.corsError ?? "", /^Preflight/);
    const answer = await fetch(`${server}/rollcall.v1.UserService/GetUser`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id }),
    });
    assert.equal(answer.status, 404);
  }
}

function has({ heading, text }: Shown, expected: string, ...parts: readonly string[]): void {
  assert.equal(heading, expected, text);
  for (const part of parts) assert.ok(text.includes(part), `there is no ${part} in: ${text}`);
}
