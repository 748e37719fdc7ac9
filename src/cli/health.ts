import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Command } from "commander";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "#gen-server/health/v1/health_pb.js";
import { clientOptions } from "../config/options.ts";
import { callFailure } from "./cli-error.ts";

export function healthCommand(): Command {
  return new Command("health")
    .description("ask a server for its health; exit status 0 if it serves, 1 if not")
    .addOption(clientOptions.server())
    .addOption(clientOptions.timeout())
    .action(health);
}

async function health({ server, timeout }: { server: string; timeout: number }): Promise<void> {
  const client = createClient(Health, createGrpcTransport({ baseUrl: server }));
  const { status } = await client.check({}, { timeoutMs: timeout * 1_000 }).catch((error: unknown) => {
    throw callFailure(error, server);
  });
  console.log(ServingStatus[status] ?? String(status));
  if (status !== ServingStatus.SERVING) process.exitCode = 1;
}
