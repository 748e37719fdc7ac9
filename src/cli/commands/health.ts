import { Command } from "@commander-js/extra-typings";
import { createClient } from "@connectrpc/connect";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "#gen-server/health/v1/health_pb.js";
import { createTransport } from "../../client/index.ts";
import { addOptions } from "../../config/declare-options.ts";
import { type ClientSettings, clientOptions } from "../../config/options.ts";
import { connectionTo } from "../call.ts";
import { callFailure } from "../call-failure.ts";
import { print, say } from "../standard-streams.ts";

const help = `
Examples:
  rollcall health
  rollcall health --server https://users.example.com --ca ca.pem --timeout 2`;

export function healthCommand() {
  const command = new Command("health").description("check a server; exit status 0 if it serves, 1 if not");
  return addOptions(command, clientOptions).addHelpText("after", help).action(health);
}

async function health(given: ClientSettings): Promise<void> {
  const { server, timeout } = given;
  const client = createClient(Health, createTransport(connectionTo(given)));
  const { status } = await client.check({}, { timeoutMs: timeout * 1_000 }).catch((error: unknown) => {
    throw callFailure(error, server);
  });
  await print(ServingStatus[status] ?? String(status));
  if (status === ServingStatus.SERVING) return;
  say(`${server} answers but does not serve: its store is away, or it is stopping; see its log`);
  process.exitCode = 1;
}
