/**
 * Identifies, reads, finds and imports users, and shows the error of an invalid request.
 *
 *     npm run example -- --server http://127.0.0.1:50051
 *
 * ROLLCALL_SERVER replaces --server. ROLLCALL_TOKEN is the caller's token, and ROLLCALL_CA a file in PEM with the authority
 * that signs the server's certificate.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  Code,
  createRollcallClient,
  findUsers,
  importUsers,
  Outcome,
  RollcallError,
  scanUsers,
  type UserToImport,
} from "rollcall";

const { values: options } = parseArgs({ options: { server: { type: "string" } } });
const server = options.server ?? process.env["ROLLCALL_SERVER"] ?? "http://127.0.0.1:50051";
const ca = process.env["ROLLCALL_CA"];

const users = createRollcallClient({
  server,
  token: process.env["ROLLCALL_TOKEN"],
  tls: { ca: ca ? readFileSync(ca) : undefined },
  timeoutMs: 5_000,
  retries: { maxAttempts: 5 },
});

try {
  await identifyAndGet();
  await beRefused();
  await setDeadline();
  await changeWhatWasRead();
  await findByEmail();
  await importMany();
} catch (error) {
  if (!(error instanceof RollcallError)) throw error;
  console.error(`${Code[error.code]} ${error.reason ?? ""}: ${error.rawMessage}`);
  process.exitCode = 1;
}

async function identifyAndGet(): Promise<void> {
  const { outcome } = await users.identify({
    id: "u1",
    properties: { name: "Ada", email: "ada@example.com", plan: "pro" },
  });
  const { user } = await users.getUser({ id: "u1" });
  console.log(Outcome[outcome], user?.properties);
}

/** A new user without a required property fails, and the error names the property. */
async function beRefused(): Promise<void> {
  try {
    await users.identify({ id: "nobody", properties: { name: "Grace" } });
  } catch (error) {
    if (!(error instanceof RollcallError)) throw error;
    console.log(error.reason);
    for (const { field, description } of error.violations) console.log(`  ${field}: ${description}`);
  }
}

/** Waits at most two seconds for all attempts together. The server gets the deadline, and stops then too. */
async function setDeadline(): Promise<void> {
  const { users: found, missingIds } = await users.batchGetUsers({ ids: ["u1", "nobody"] }, { timeoutMs: 2_000 });
  console.log(`${found.length} there, missing: ${missingIds}`);
}

/** A write that succeeds only if nobody has changed the user since the read. */
async function changeWhatWasRead(): Promise<void> {
  const { user: read } = await users.getUser({ id: "u1" });
  await users.identify({ id: "u1", unset: ["plan"] });
  try {
    await users.identify({
      id: "u1",
      properties: { plan: "free" },
      precondition: { condition: { case: "etag", value: read?.etag ?? "" } },
    });
  } catch (error) {
    if (!(error instanceof RollcallError) || error.reason !== "ETAG_MISMATCH") throw error;
    console.log(`somebody was faster: ${error.rawMessage}`);
  }
}

/** Users with an e-mail address. Until there is an index of it, the server has to read all users. */
async function findByEmail(): Promise<void> {
  const email = "ada@example.com";
  const withoutIndex = ["PROPERTY_NOT_INDEXED", "INDEX_NOT_READY"];
  try {
    for await (const { id } of findUsers(users, { property: "email", equals: email })) console.log(`found ${id}`);
  } catch (error) {
    if (!(error instanceof RollcallError) || !withoutIndex.includes(error.reason ?? "")) throw error;
    for await (const { id } of scanUsers(users, { properties: { email } })) console.log(`found ${id} by a scan`);
  }
}

/** A user from a file, for example, with its row. */
interface Row extends UserToImport {
  readonly row: number;
}

function* rows(): Generator<Row> {
  for (let row = 1; row <= 1_200; row++) {
    const email = row === 7 ? "" : `user.${row}@example.com`;
    yield { row, id: `row-${row}`, properties: { name: `User ${row}`, email } };
  }
}

/** One of the rows fails, and the server stores the others. */
async function importMany(): Promise<void> {
  const counts = await importUsers(users, rows(), {
    onRefused: ({ row }, { reason, message }) => console.log(`row ${row}: ${reason}: ${message}`),
    onProgress: ({ answered }) => console.log(`${answered} rows are done with`),
    signal: AbortSignal.timeout(60_000),
  });
  console.log(`${counts.created} created, ${counts.failed} failed`);
}
