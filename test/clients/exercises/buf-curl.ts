/** `buf curl` over gRPC. It learns the contract from the server, by reflection, and makes a connection for each call. */
import { join } from "node:path";
import { root } from "../languages.ts";
import { batchAnswer, created, getAnswer, identifyAnswer, PrintedError, reasonOf, searches } from "./json-answers.ts";
import { runWithInput } from "./run-with-input.ts";
import type { UsersClient } from "./steps.ts";

const buf = join(root, "node_modules", ".bin", "buf");

/** @param ca the authorities of the server's certificate; undefined for clear text */
export function bufCurl(url: string, ca: string | undefined): UsersClient {
  const http2 = ca === undefined ? ["--http2-prior-knowledge"] : ["--cacert", ca];
  const common = ["curl", ...http2, "--protocol", "grpc", "--data", "@-"];

  /** @returns the answers */
  async function call(method: string, messages: readonly unknown[]): Promise<readonly unknown[]> {
    const input = messages.map((message) => JSON.stringify(message)).join("\n");
    const path = `${url}/rollcall.v1.UserService/${method}`;
    const { status, stdout, stderr } = await runWithInput(buf, [...common, path], input);
    if (status !== 0) throw new PrintedError(stderr);
    // It prints an answer on a line when the output is no terminal, and over several lines otherwise.
    return JSON.parse(
      `[${stdout
        .toString()
        .trim()
        .replace(/\}\s*\n\s*\{/g, "},{")}]`,
    );
  }

  return {
    identify: async (person) => identifyAnswer.parse((await call("Identify", [person]))[0]).outcome === created,
    get: async (id) => getAnswer.parse((await call("GetUser", [{ id }]))[0]).user.properties,
    ...searches(async (method, message) => (await call(method, [message]))[0]),
    reasonOf,
    async batch(messages) {
      const answers = await call(
        "BatchIdentify",
        messages.map((requests) => ({ requests })),
      );
      return answers.map((answer) => batchAnswer.parse(answer).created);
    },
  };
}
