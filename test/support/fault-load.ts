/**
 * Imports and single writes that run while the store suffers faults, and that check at every step that what was
 * acknowledged is there. They send again what was not acknowledged, as the contract lets callers do.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  createRollcallClient,
  ImportInterrupted,
  importUsers,
  type RollcallClient,
  type UserToImport,
} from "../../src/client/index.ts";
import { callTimeoutMs, isFound, isTransient, untilAnswered, usersOf, versionsOf } from "./fault-reads.ts";
import { type EditsOf, indexedEdits, plainEdits } from "./fault-values.ts";

export interface FaultLoadOptions {
  /** Imports side by side. Default: 2. */
  readonly importers?: number;
  /** Users of each import. Default: 1,000. */
  readonly users?: number;
  /** Writers of single users side by side. Default: 4. */
  readonly writers?: number;
  /**
   * Whether the store has the indexes of fault-values.ts: writes change and unset what is indexed, imports delete some of their users,
   * and users are found by what was acknowledged. Default: the same values, and nobody is searched for.
   */
  readonly indexed?: boolean;
}

export interface FaultLoadReport {
  /** Items of imports that were acknowledged. */
  imported: number;
  /** How often an import was interrupted and went on from the first item without an answer. */
  resumed: number;
  /** Single writes that were acknowledged. */
  written: number;
  /** Single writes that failed; each was UNAVAILABLE or RESOURCE_EXHAUSTED, or the load failed. */
  refused: number;
  /** Acknowledged writes that were not there afterwards. */
  lost: number;
  /** Users that an earlier write of the same pass was found on after the last one was acknowledged. */
  outOfOrder: number;
  /** Single writes that were refused because of what they themselves had written. */
  misjudged: number;
  /** Deletions that were acknowledged. */
  deleted: number;
  /** How often a user was found by what was acknowledged last. */
  found: number;
  /** How often it was not, though the index was ready and the user was there. */
  unfound: number;
  /** What the last import that was interrupted failed with. */
  lastInterruption?: string;
  /** What the last single write that failed did so with. */
  lastRefusal?: string;
}

export interface FaultLoad {
  /** Of all users that the load writes. */
  readonly ids: readonly string[];
  /** What happened so far; it goes on changing. */
  readonly report: Readonly<FaultLoadReport>;
  /** Lets every import and writer finish what it is at, checks it, and ends. Rejects with what any of them failed with. */
  stop(): Promise<Readonly<FaultLoadReport>>;
  /** Ends every import and writer where it is, whether or not the store is there. */
  abandon(): void;
}

/** What importers and writers share. */
interface Common {
  readonly report: FaultLoadReport;
  /** Whether users are found by what is written. */
  readonly indexed: boolean;
  readonly editsOf: EditsOf;
  readonly stopping: AbortSignal;
  readonly abandoned: AbortSignal;
}

/** In one pass, an import brings each of its users this often: a greater version each time. */
const versionsInPass = 5;
/** Of how many users one is searched for after each pass, or deleted. */
const oneInSearched = 40;
const oneInDeleted = 10;
/** After so many single writes, a writer searches for its user. */
const writesPerSearch = 10;

/** @param urls the servers', which every import and writer uses in turn */
export function startFaultLoad(urls: readonly string[], options: FaultLoadOptions = {}): FaultLoad {
  const { importers = 2, users = 1_000, writers = 4, indexed = false } = options;
  const report: FaultLoadReport = {
    ...{ imported: 0, resumed: 0, written: 0, refused: 0, lost: 0, outOfOrder: 0, misjudged: 0 },
    ...{ deleted: 0, found: 0, unfound: 0 },
  };
  const stopping = new AbortController();
  const abandoned = new AbortController();
  // Each failure is looked at here.
  const clients = () => urls.map((server) => createRollcallClient({ server, retries: false }));
  const editsOf = indexed ? indexedEdits : plainEdits;
  const common = { report, indexed, editsOf, stopping: stopping.signal, abandoned: abandoned.signal };
  const imports = Array.from({ length: importers }, (_, importer) =>
    Array.from({ length: users }, (_, index) => `import-${importer}-${index}`),
  );
  const singles = Array.from({ length: writers }, (_, writer) => `single-${writer}`);
  const running = [
    ...imports.map((ids) => runImports(clients(), ids, common)),
    ...singles.map((id) => runWrites(clients(), id, common)),
  ];
  // A failure is told by stop().
  const done = Promise.all(running);
  done.catch(() => {});
  return {
    ids: [...imports.flat(), ...singles],
    report,
    async stop() {
      stopping.abort();
      await done;
      return report;
    },
    abandon() {
      stopping.abort();
      abandoned.abort();
    },
  };
}

/** Imports the same users pass after pass, each through the next server, and looks at each of them after each pass. */
async function runImports(clients: readonly RollcallClient[], ids: readonly string[], common: Common): Promise<void> {
  const { report, indexed, editsOf, stopping, abandoned } = common;
  for (let pass = 1; !stopping.aborted; pass++) {
    const firstVersion = pass * versionsInPass;
    const items = Array.from({ length: versionsInPass }, (_, step) =>
      ids.map((id, index) => ({ position: step * ids.length + index, id, ...editsOf(id, firstVersion + step) })),
    ).flat();
    await importAll(inTurn(clients, pass), items, report, abandoned);
    const lastVersion = firstVersion + versionsInPass - 1;
    const next = inTurn(clients, pass + 1);
    for (const [index, found] of (await versionsOf(next, ids, abandoned)).entries()) {
      if (found === lastVersion) continue;
      if (found !== undefined && found >= firstVersion) report.outOfOrder++;
      else report.lost++;
      if (found !== undefined && found > lastVersion) throw new Error(`${ids[index]} has a version never sent`);
    }
    if (!indexed) continue;
    const searched = ids.filter((_, index) => (index + pass) % oneInSearched === 0);
    for (const id of searched) await search(next, id, lastVersion, common);
    await deleteAll(
      next,
      ids.filter((_, index) => (index + pass) % oneInDeleted === 0),
      common,
    );
  }
}

/** Searches for a user by what was acknowledged last. */
async function search(
  client: RollcallClient,
  id: string,
  version: number,
  { report, abandoned }: Common,
): Promise<void> {
  const isThere = await isFound(client, id, version, abandoned);
  if (isThere === undefined) return;
  if (isThere) report.found++;
  // What was lost meanwhile is counted elsewhere.
  else if ((await versionsOf(client, [id], abandoned))[0] === version) report.unfound++;
}

/** Deletes users; the next pass creates them again. */
async function deleteAll(client: RollcallClient, ids: readonly string[], { report, abandoned }: Common): Promise<void> {
  for (const id of ids) {
    const remove = () => client.deleteUser({ id, allowMissing: true }, { timeoutMs: callTimeoutMs });
    await untilAnswered(remove, abandoned);
    report.deleted++;
  }
  const found = await versionsOf(client, ids, abandoned);
  report.lost += found.filter((version) => version !== undefined).length;
}

async function importAll(
  client: RollcallClient,
  items: readonly Item[],
  report: FaultLoadReport,
  abandoned: AbortSignal,
): Promise<void> {
  for (let next = 0; next < items.length; ) {
    const refused = ({ position }: Item, error: { reason: string }) => {
      throw new Error(`item ${position} was refused: ${error.reason}`);
    };
    try {
      await importUsers(client, items.slice(next), { onRefused: refused, maxDownMs: 0 });
      report.imported += items.length - next;
      return;
    } catch (error) {
      if (!(error instanceof ImportInterrupted) || !isTransient(error.cause)) throw error;
      const { answered } = error.counts;
      report.imported += answered;
      report.resumed++;
      report.lastInterruption = ConnectError.from(error.cause).message;
      next += answered;
      await pause(20, undefined, { signal: abandoned });
    }
  }
}

interface Item extends UserToImport {
  readonly position: number;
}

/**
 * Counts one user up, each time on the condition that nobody else did, and finds out what became of a write in doubt: through the
 * server that may still be at it. After each that was acknowledged comes the next server.
 */
async function runWrites(clients: readonly RollcallClient[], id: string, common: Common): Promise<void> {
  const { report, indexed, editsOf, stopping, abandoned } = common;
  // What was read need not be confirmed by replicas, and may be lost; what was acknowledged may not.
  let acknowledged = 0;
  let acknowledgedWrites = 0;
  let version = 0;
  let etag: string | undefined;
  let inDoubt = false;
  while (!stopping.aborted) {
    const client = inTurn(clients, acknowledgedWrites);
    const condition =
      etag === undefined ? ({ case: "exists", value: false } as const) : ({ case: "etag", value: etag } as const);
    try {
      const answer = await client.identify(
        { id, ...editsOf(id, version + 1), precondition: { condition } },
        { timeoutMs: callTimeoutMs },
      );
      acknowledged = ++version;
      acknowledgedWrites++;
      etag = answer.user?.etag;
      inDoubt = false;
      report.written++;
      if (indexed && acknowledgedWrites % writesPerSearch === 0) await search(client, id, version, common);
    } catch (error) {
      if (!isTransient(error) && !isConditionFailed(error)) throw error;
      report.refused++;
      report.lastRefusal = ConnectError.from(error).message;
      const [found] = await usersOf(client, [id], abandoned);
      const foundVersion = found?.version ?? 0;
      if (foundVersion < acknowledged) report.lost++;
      acknowledged = Math.min(acknowledged, foundVersion);
      if (foundVersion > version + 1) throw new Error(`${id} has a version never sent`, { cause: error });
      if (isConditionFailed(error) && foundVersion > version && !inDoubt) report.misjudged++;
      inDoubt = ConnectError.from(error).code === Code.DeadlineExceeded;
      version = foundVersion;
      etag = found?.etag;
      await pause(20, undefined, { signal: abandoned });
    }
  }
  const [found] = await versionsOf(inTurn(clients, acknowledgedWrites), [id], abandoned);
  if ((found ?? 0) < acknowledged) report.lost++;
}

function inTurn(clients: readonly RollcallClient[], turn: number): RollcallClient {
  const client = clients[turn % clients.length];
  if (client === undefined) throw new RangeError("no server to write through");
  return client;
}

/** What a write in doubt that was applied after all makes of the next one. */
function isConditionFailed(error: unknown): boolean {
  return [Code.Aborted, Code.AlreadyExists, Code.NotFound].includes(ConnectError.from(error).code);
}
