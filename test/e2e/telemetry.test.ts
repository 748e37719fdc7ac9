/** What a server tells of itself: metrics, traces and its log; and what of people it does not tell. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { temporaryFolder } from "../support/files.ts";
import { type OtlpSink, startOtlpSink } from "../support/otlp-sink.ts";
import { personal, personalDataIn } from "../support/personal-data.ts";
import { type ServeProcess, serve } from "../support/processes.ts";
import { ada, startTestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { usersOf } from "./exchanges/calls.ts";

const secret = personal("a trait that nobody else may see");
const token = personal("a-token-that-nobody-may-see");
const password = personal("a-password-that-nobody-may-see");
/** A JSON Web Token that is well formed, for which nobody has the key. */
const unverifiable = [{ alg: "ES256" }, { sub: "billing" }, "no signature"]
  .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
  .join(".");
const protocols: [string, string, (baseUrl: string) => Transport][] = [
  ["gRPC", "grpc", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC-Web", "grpc-web", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
  [
    "Connect JSON",
    "connect",
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  ],
];

let directory: string;
let sink: OtlpSink;
let server: ServeProcess;
let metricsUrl: string;
let log = "";
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-telemetry-"));
  sink = await startOtlpSink();
  const options = [
    "--log-level",
    "info",
    "--metrics-listen",
    "127.0.0.1:0",
    "--access-log",
    "1",
    "--redis-sentinel-password",
    password,
  ];
  // As secrets and files leave them, with a line break at the end.
  const env = Object.fromEntries(Object.entries(sink.env).map(([name, value]) => [name, `${value}\n`]));
  server = await serve(`sqlite:${join(directory, "users.db")}`, options, (piece) => (log += piece), env);
  await until(() => lines().some(({ msg }) => msg === "metrics are served"));
  const { address } = lines().find(({ msg }) => msg === "metrics are served") as { address: { port: number } };
  metricsUrl = `http://127.0.0.1:${address.port}/metrics`;
});
afterAll(async () => {
  await server.stop();
  sink.stop();
  rmSync(directory, { recursive: true });
});

const lines = (): Record<string, unknown>[] =>
  log.split("\n").flatMap((line) => (/^{.*}$/.test(line) ? [JSON.parse(line)] : []));

describe.each(protocols)("%s", (name, protocol, to) => {
  const traceId = Buffer.from(name.padEnd(16).slice(0, 16)).toString("hex");
  const headers = {
    traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    "x-request-id": `request-${protocol}`,
    authorization: `Bearer ${token}`,
  };

  test("a call continues its caller's trace, and its line in the log says which it is", async () => {
    const client = usersOf(to(server.url));
    await client.identify({ id: `of ${protocol}`, properties: { ...ada, secret } }, { headers });
    const mine = () => sink.spans().filter((span) => span.traceId === traceId);
    await until(() => mine().length >= 2);
    const [call] = mine().filter(({ parentSpanId }) => parentSpanId === "00f067aa0ba902b7");
    expect(call?.name).toBe("rollcall.v1.UserService/Identify");
    expect(mine().find(({ name: spanName }) => spanName === "write sqlite")?.parentSpanId).toBe(call?.spanId);
    const line = lines().find(({ requestId }) => requestId === headers["x-request-id"]);
    expect(line).toMatchObject({ msg: "request", protocol, code: "ok", traceId, caller: "anybody" });
  });

  test("a call that is refused says why in its span, and names no trait", async () => {
    const client = usersOf(to(server.url));
    const invalid = { name: "Ada", email: "", [secret.repeat(10)]: 1 };
    await expect(client.identify({ id: "refused", properties: invalid }, { headers })).rejects.toThrow();
    await until(() => attributes(traceId).has("INVALID_ARGUMENT") && attributes(traceId).has("LIMIT_EXCEEDED"));
    expect(lines()).toContainEqual(
      expect.objectContaining({ protocol, code: "InvalidArgument", reason: "LIMIT_EXCEEDED", traceId }),
    );
    expect(await (await fetch(metricsUrl)).text()).toMatch(
      /^rollcall_calls_total\{.*rpc_status_code="INVALID_ARGUMENT",rollcall_reason="LIMIT_EXCEEDED",rollcall_caller="anybody"} [1-9]/m,
    );
  });
});

test("a request that reaches no method is told as well, under no name of its own", async () => {
  const paths = ["rollcall.v1.UserService/GetUsers", "rollcall.v1.UserService/GetUser", "anything/at-all"] as const;
  const headers = { "content-type": "text/plain", "x-request-id": "no-method" };
  for (const path of paths) await fetch(`${server.url}/${path}`, { method: "POST", headers, body: "x" });
  await fetch(`${server.url}/${paths[1]}`, {
    method: "PUT",
    headers: { ...headers, "content-type": "application/json" },
  });
  const mine = () => lines().filter(({ requestId }) => requestId === "no-method");
  await until(() => mine().length === 4);
  expect(mine().map(({ method }) => method)).toEqual([
    "_OTHER",
    "rollcall.v1.UserService/GetUser",
    "_OTHER",
    "rollcall.v1.UserService/GetUser",
  ]);
  for (const line of mine()) expect(line).toMatchObject({ code: "Unimplemented", reason: "NOT_IMPLEMENTED" });
  expect(await (await fetch(metricsUrl)).text()).toMatch(
    /^rollcall_calls_total\{rpc_method="_OTHER",.*"UNIMPLEMENTED",rollcall_reason="NOT_IMPLEMENTED",rollcall_caller="unknown"} 2$/m,
  );
  await until(() => sink.spans().some(({ name }) => name === "_OTHER"));
});

test.each(protocols)(
  "what goes wrong before a call is let in is logged with its request: %s",
  async (_, protocol, to) => {
    // Nothing listens there.
    const jwt = { jwtJwks: "https://127.0.0.1:1/", jwtIssuer: "https://id.example.com/", jwtAudience: "rollcall" };
    const keyless = await startTestServer({ access: jwt });
    const headers = { "x-request-id": `let-in-${protocol}`, authorization: `Bearer ${unverifiable}` };
    await expect(usersOf(to(keyless.url)).getUser({ id: "u" }, { headers })).rejects.toThrow(/unavailable/);
    const line = { msg: "a request failed inside", requestId: headers["x-request-id"] };
    expect(keyless.logs).toContainEqual(expect.objectContaining(line));
    await keyless.stop();
  },
);

function attributes(traceId: string): ReadonlySet<unknown> {
  const spans = sink.spans().filter((span) => span.traceId === traceId);
  return new Set(spans.flatMap((span) => span.attributes.map(({ value }) => value["stringValue"])));
}

test("metrics can be scraped, and are sent to a collector alike", async () => {
  const client = usersOf(createGrpcTransport({ baseUrl: server.url }));
  async function* batches() {
    const other = { id: "other", properties: { ...ada, secret } };
    yield { requests: [other, other, { id: "", properties: {} }] };
  }
  for await (const answer of client.batchIdentify(batches())) expect(answer.failed).toBe(1);
  const text = await (await fetch(metricsUrl)).text();
  for (const line of [
    /^rollcall_calls_total\{.*UserService\/BatchIdentify",rpc_system_name="grpc",rpc_status_code="OK",rollcall_caller="anybody"} 1$/m,
    /^rollcall_batch_items_total\{rollcall_outcome="created"} 1$/m,
    /^rollcall_batch_items_total\{rollcall_outcome="unchanged"} 1$/m,
    /^rollcall_batch_items_total\{rollcall_outcome="failed"} 1$/m,
    /^rpc_server_call_duration_bucket\{.*UserService\/BatchIdentify".*le="10"} 1$/m,
    /^rollcall_calls_in_flight\{rpc_method="rollcall.v1.UserService\/BatchIdentify"} 0$/m,
    /^db_client_operation_duration_count\{db_system_name="sqlite",db_operation_name="write"} \d+$/m,
    /^nodejs_eventloop_delay_p99 /m,
    /^rollcall_connections [1-9]/m,
    /^process_memory_usage [1-9]/m,
  ]) {
    expect(text).toMatch(line);
  }
  await until(() => sink.metricNames().has("rpc.server.call.duration") && sink.metricNames().has("rollcall.calls"));
});

/** Names of metrics in an expression of Prometheus, with the labels that it selects or groups by. */
function namesIn(expression: string): { metrics: string[]; labels: string[] } {
  const bare = expression.replace(/\{[^}]*\}/g, "").replace(/by \([^)]*\)/g, "");
  const metrics = bare.match(/\b(?:up|(?:rollcall|rpc|db|nodejs|process)_[a-z0-9_]+)\b/g) ?? [];
  const selected = [...expression.matchAll(/[{,]([a-z_]+)[=!]/g)].map(([, label = ""]) => label);
  const grouped = [...expression.matchAll(/by \(([a-z_, ]+)\)/g)].flatMap(([, labels = ""]) => labels.split(", "));
  return { metrics, labels: [...selected, ...grouped] };
}

const deployed = (file: string) => readFileSync(new URL(`../../deploy/${file}`, import.meta.url), "utf8");
interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
}
interface Scrape {
  readonly scrape_configs: readonly { readonly job_name: string }[];
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly expr: string }[] }[];
}

describe.each([
  [
    "the dashboard",
    () => (JSON.parse(deployed("grafana/rollcall.json")) as Dashboard).panels.flatMap(({ targets }) => targets),
  ],
  ["the alerts", () => (parse(deployed("prometheus/alerts.yaml")) as Rules).groups.flatMap(({ rules }) => rules)],
])("%s", (_, read) => {
  const expressions = read().map(({ expr }) => expr);

  test("ask for metrics and labels that the server has", async () => {
    expect(expressions.length).toBeGreaterThan(7);
    // Prometheus adds `up`, and these labels; of the last, there is none while the store works.
    const told = `${await (await fetch(metricsUrl)).text()}up 1\n`;
    const added = ["job", "instance", "error_type"];
    for (const expression of expressions) {
      const { metrics, labels } = namesIn(expression);
      expect(metrics.length, expression).toBeGreaterThan(0);
      for (const metric of metrics) expect(told, expression).toMatch(new RegExp(`^${metric}[{ ]`, "m"));
      for (const label of labels.filter((name) => !added.includes(name))) {
        const samples = told.split("\n").filter((line) => metrics.some((metric) => line.startsWith(metric)));
        expect(
          samples.some((line) => line.includes(`${label}="`)),
          `${label} in ${expression}`,
        ).toBe(true);
      }
    }
  });
});

test("the alerts ask for the job that Prometheus is told to scrape", () => {
  const jobs = (parse(deployed("prometheus/scrape.yaml")) as Scrape).scrape_configs.map(({ job_name }) => job_name);
  const asked = [...deployed("prometheus/alerts.yaml").matchAll(/\bjob="([^"]*)"/g)].map(([, job]) => job);
  expect(new Set(asked)).toEqual(new Set(jobs));
});

test("a collector is told which service and process it is, and not how it was started, by whom and where", () => {
  const told = new Set(
    [...sink.text().matchAll(/"key":"((?:service|process|host|os)\.[a-z._]+)"/g)].map(([, key]) => key),
  );
  // The metric of CPU time has a label cpu.mode, and no other of the process.
  expect([...told].sort()).toEqual([
    "process.pid",
    "process.runtime.name",
    "process.runtime.version",
    "service.instance.id",
    "service.name",
    "service.version",
  ]);
});

test("a collector that does not answer is warned of, and holds up no stop", async () => {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const env = { ...sink.env, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` };
  let warnings = "";
  const store = `sqlite:${join(directory, "silent.db")}`;
  const waiting = await serve(store, ["--log-level", "warn"], (piece) => (warnings += piece), env);
  await until(() => warnings.includes("metrics export timed out"));
  expect(await waiting.stop()).toBe(0);
  expect(warnings).toContain("the last telemetry is lost: it could not be sent in time");
  silent.close();
});

test("no trait, token or password is in anything that the server tells", async () => {
  const text = await (await fetch(metricsUrl)).text();
  for (const told of [log, sink.text(), text]) {
    expect(told.length).toBeGreaterThan(1_000);
    expect(personalDataIn(told)).toBeUndefined();
  }
});

test("with --access-log 0, no request has a line in the log, not the first either", async () => {
  let told = "";
  const quiet = await serve(
    `sqlite:${join(temporaryFolder(), "users.db")}`,
    ["--log-level", "info", "--access-log", "0"],
    (piece) => {
      told += piece;
    },
  );
  const client = usersOf(createGrpcTransport({ baseUrl: quiet.url }));
  for (let call = 0; call < 3; call++) await expect(client.getUser({ id: "nobody" })).rejects.toThrow("not_found");
  expect(await quiet.stop()).toBe(0);
  expect(told).toContain('"msg":"stopped"');
  expect(told).not.toContain('"msg":"request"');
});
