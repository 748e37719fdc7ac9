/** Examines what an SQLite database has besides rows of users: its tables, and the store's configuration. */
import type { DatabaseSync } from "node:sqlite";
import { UnknownFeaturesError } from "../../users/features.ts";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import { parseToVerify } from "../folding.ts";
import { type SealRule, sealRuleOf, unknownSealRule } from "../verify/record-checks.ts";
import type { Finding } from "../verify/verifier.ts";
import { layoutVersions } from "./configuration-table.ts";
import { findEntryTable } from "./entry-table.ts";
import { isCorrupt } from "./failures.ts";

const columnsOf: Readonly<Record<string, readonly string[]>> = {
  user: ["rid", "id", "created_at", "updated_at", "etag", "properties", "preferences", "observed", "f"],
  store: ["stamp", "configuration"],
  sweep: ["walk", "after", "done"],
  entry: ["entry"],
};

/** The configuration of a database, as far as it can be read. */
interface Configured {
  readonly configuration: StoreConfiguration | undefined;
  /** Why it cannot be read. */
  readonly problem: string | undefined;
}

/**
 * In a transaction of the caller's.
 *
 * @throws UnknownFeaturesError
 */
export function findInLayout(database: DatabaseSync): Finding[] {
  const finding = (name: string, check: string, problem: string): Finding => ({
    id: Buffer.from(name),
    check,
    problem,
  });
  const findings: Finding[] = [];
  // Names that begin with sqlite_ are SQLite's own.
  const objects = database.prepare("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite@_%' ESCAPE '@'");
  for (const { type, name } of objects.all()) {
    const columns = type === "table" ? columnsOf[String(name)] : undefined;
    if (columns === undefined) {
      findings.push(finding(String(name), "layout", `is a ${type} that is not Rollcall's`));
      continue;
    }
    for (const row of database.prepare("SELECT name FROM pragma_table_xinfo(?)").all(String(name))) {
      const column = String(row["name"]);
      if (columns.includes(column)) continue;
      findings.push(finding(`${name}.${column}`, "layout", "is a column that is not Rollcall's"));
    }
  }
  const { configuration, problem } = readConfiguration(database);
  if (problem !== undefined) findings.push(finding("store", "configuration", problem));
  const entries = problemOfEntryTable(database, configuration);
  if (problem === undefined && entries !== undefined) findings.push(finding("entry", "layout", entries));
  const version = Object.values(database.prepare("PRAGMA user_version").get() ?? {})[0];
  const expected = (configuration?.features.length ?? 0) > 0 ? layoutVersions.withFeatures : layoutVersions.plain;
  if (problem === undefined && version !== expected) {
    const meaning = "versions that know no features go by it";
    findings.push(finding("user_version", "layout", `is ${version}, and by the configuration ${expected}: ${meaning}`));
  }
  return findings;
}

/** Which seals users should have, in a transaction of the caller's. @throws UnknownFeaturesError */
export function sealRuleIn(database: DatabaseSync): SealRule {
  const { configuration, problem } = readConfiguration(database);
  return problem === undefined ? sealRuleOf(configuration) : unknownSealRule;
}

function problemOfEntryTable(
  database: DatabaseSync,
  configuration: StoreConfiguration | undefined,
): string | undefined {
  const found = findEntryTable(database);
  if ((configuration?.indexes.length ?? 0) === 0) {
    return found === undefined ? undefined : "is a table for entries of indexes, and the store has no index";
  }
  if (found === "ours") return undefined;
  const next = "drop all indexes, and set them again";
  return found === undefined ? `is missing: ${next}` : `is not as Rollcall makes it: remove it, ${next}`;
}

function readConfiguration(database: DatabaseSync): Configured {
  const unreadable = (problem: string) => ({ configuration: undefined, problem });
  if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'store'").get() === undefined) {
    return { configuration: undefined, problem: undefined };
  }
  try {
    const rows = database.prepare("SELECT stamp, configuration FROM store LIMIT 2").all();
    const [row] = rows;
    if (row === undefined) return { configuration: undefined, problem: undefined };
    if (rows.length > 1) return unreadable("has several rows: it is not clear which configuration counts");
    if (row["stamp"] === "") return unreadable("has an empty stamp: servers do not follow the configuration");
    return { configuration: parseToVerify(String(row["configuration"])), problem: undefined };
  } catch (error) {
    if (error instanceof UnknownFeaturesError || isCorrupt(error)) throw error;
    return unreadable("cannot be read: no server starts with such a configuration");
  }
}
