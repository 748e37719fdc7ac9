import { runCall } from "./call-runner.ts";
import type { Servers } from "./servers/servers.ts";

/**
 * Reads fields of a hash as text.
 *
 * @returns the values in the order of the fields; undefined for a field that is not there
 * @throws UserError STORE_UNAVAILABLE
 */
export async function readHash(
  servers: Servers,
  partition: number,
  key: string,
  fields: readonly string[],
): Promise<(string | undefined)[]> {
  const { reply } = await runCall(servers, partition, { keys: [key], fields, writes: false });
  const values: unknown[] = Array.isArray(reply) ? reply : [];
  return fields.map((_, at) => (values[at] === null || values[at] === undefined ? undefined : String(values[at])));
}
