/** What docs/client.md shows: `node examples/client.ts`, with a server running. */
import { createRollcallClient, importUsers, RollcallError, type UserToImport } from "../src/client/index.ts";

const users = createRollcallClient({
  server: process.env["ROLLCALL_SERVER"] ?? "http://127.0.0.1:50051",
  token: () => process.env["ROLLCALL_TOKEN"] ?? "",
  timeoutMs: 5_000,
});

await users.identify({ id: "u1", properties: { name: "Ada", email: "ada@example.com" } });
const { user } = await users.getUser({ id: "u1" });
console.log(user?.properties);

try {
  await users.identify({ id: "u2", properties: { name: "Grace" } });
} catch (error) {
  if (!(error instanceof RollcallError)) throw error;
  console.log(error.reason);
  for (const { field, description } of error.violations) console.log(`${field}: ${description}`);
}

interface Row extends UserToImport {
  readonly row: number;
}

function* rows(): Generator<Row> {
  for (let row = 1; row <= 1_200; row++) {
    const properties = { name: `User ${row}`, email: `user.${row}@example.com` };
    yield { row, id: `row-${row}`, properties: row === 7 ? { plan: "pro" } : properties };
  }
}

const counts = await importUsers(users, rows(), {
  onRefused: ({ row }, { reason, message }) => console.log(`row ${row}: ${reason}: ${message}`),
  onProgress: ({ answered }) => console.log(`${answered} rows are done with`),
  signal: AbortSignal.timeout(60_000),
});
console.log(`${counts.created} created, ${counts.failed} failed`);
