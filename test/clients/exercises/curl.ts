/** curl over HTTP/2 alone: Connect in JSON. */
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { batchAnswer, created, getAnswer, identifyAnswer, PrintedError, reasonOf, searches } from "./json-answers.ts";
import { runWithInput } from "./run-with-input.ts";
import type { UsersClient } from "./steps.ts";

/** The flag of the last envelope of a Connect stream. */
const endOfStream = 2;
const prefixBytes = 5;

/** @param ca the authorities of the server's certificate; undefined for clear text */
export function curl(url: string, ca: string | undefined): UsersClient {
  const http2 = ca === undefined ? ["--http2-prior-knowledge"] : ["--http2", "--cacert", ca];
  const common = ["--silent", "--show-error", ...http2, "--write-out", "%{stderr}\n@%{http_version} %{num_connects}\n"];
  const methodUrl = (method: string) => `${url}/rollcall.v1.UserService/${method}`;

  /** @returns the answers' bodies, one after the other, and how many connections there were */
  async function post(method: string, body: string | Buffer, type: string, times = 1) {
    const urls = Array<string>(times).fill(methodUrl(method));
    const request = ["--header", `content-type: ${type}`, "--data-binary", "@-"];
    const parallel = times === 1 ? [] : ["--parallel", "--parallel-max", String(times)];
    const { status, stdout, stderr } = await runWithInput("curl", [...common, ...parallel, ...request, ...urls], body);
    // With --parallel, curl prints its progress in spite of --silent.
    const told = stderr.split("\n").filter((line) => line.startsWith("@"));
    const isHttp2 = told.length === times && told.every((line) => line.startsWith("@2 "));
    if (status !== 0 || !isHttp2) throw new Error(`curl ended with status ${status}: ${stderr}`);
    return { stdout, connections: told.reduce((sum, line) => sum + Number(line.slice(3)), 0) };
  }

  async function call(method: string, message: unknown): Promise<unknown> {
    const { stdout } = await post(method, JSON.stringify(message), "application/json");
    const answer: unknown = JSON.parse(stdout.toString());
    if (typeof answer === "object" && answer !== null && "code" in answer) throw new PrintedError(stdout.toString());
    return answer;
  }

  return {
    identify: async (person) => identifyAnswer.parse(await call("Identify", person)).outcome === created,
    get: async (id) => getAnswer.parse(await call("GetUser", { id })).user.properties,
    ...searches(call),
    reasonOf,
    async batch(messages) {
      const envelopes = messages.map((requests) => encodeEnvelope(0, Buffer.from(JSON.stringify({ requests }))));
      const { stdout } = await post("BatchIdentify", Buffer.concat(envelopes), "application/connect+json");
      return [...answersIn(stdout)].map((answer) => batchAnswer.parse(answer).created);
    },
    // In clear text, curl 7.88 (Debian 12) fails all calls at once but the first, with any server.
    ...(ca !== undefined && { getAtOnce }),
  };

  async function getAtOnce(id: string, times: number) {
    const { stdout, connections } = await post("GetUser", JSON.stringify({ id }), "application/json", times);
    if (connections !== 1) throw new Error(`curl made ${connections} connections`);
    const bodies = stdout.toString().replaceAll("}{", "}\n{").split("\n");
    return bodies.map((body) => getAnswer.parse(JSON.parse(body)).user.properties);
  }
}

/** @throws PrintedError if the stream ends with an error */
function* answersIn(stream: Buffer): Generator<unknown> {
  for (let at = 0; at < stream.length; ) {
    const end = at + prefixBytes + stream.readUInt32BE(at + 1);
    const text = stream.toString("utf8", at + prefixBytes, end);
    if (stream[at] !== endOfStream) yield JSON.parse(text);
    else if (text.includes('"error"')) throw new PrintedError(text);
    at = end;
  }
}
