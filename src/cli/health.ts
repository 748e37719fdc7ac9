import { createClient } from "@connectrpc/connect";
import { Command } from "commander";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "#gen-server/health/v1/health_pb.js";
import { createTransport } from "../client/index.ts";
import { addServerOptions, connectionOptions, type ServerOptions } from "./call.ts";
import { callFailure } from "./call-failure.ts";
import { print, say } from "./standard-streams.ts";

export function healthCommand(): Command {
  const command = new Command("health").description(
    "ask a server for its health; exit status 0 if it serves, 1 if not",
  );
  return addServerOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  rollcall health
  rollcall health --server https://users.example.com --ca ca.pem --timeout 2`,
    )
    .action(health);
}

async function health(options: ServerOptions): Promise<void> {
  const { server, timeout } = options;
  const client = createClient(Health, createTransport(connectionOptions(options)));
  const { status } = await client.check({}, { timeoutMs: timeout * 1_000 }).catch((error: unknown) => {
    throw callFailure(error, server);
  });
  await print(ServingStatus[status] ?? String(status));
  if (status === ServingStatus.SERVING) return;
  say(`${server} answers and does not serve: its store is away, or it is stopping; its log says which`);
  process.exitCode = 1;
}
