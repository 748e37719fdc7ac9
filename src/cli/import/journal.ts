import { open, readFile, rename, rm } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { CliError } from "../cli-error.ts";
import { checkReplaceable } from "../destination.ts";
import { fingerprint } from "./fingerprint.ts";

const count = z.int().nonnegative();

/** How far an import has come. Exactly what is counted here is done. */
const progressSchema = z.strictObject({
  /** Users answered, from the first of the source on. */
  answered: count,
  /** Invalid rows reported, from the first on. */
  invalid: count,
  passedOver: count,
  /** Users answered whose preferences were not imported. */
  withPreferences: count,
  counts: z.strictObject({
    created: count,
    updated: count,
    unchanged: count,
    /** Journals of 0.1 have none. */
    applied: count.default(0),
    failed: count,
  }),
  /** Length of the file of rejected rows. */
  rejectedBytes: count,
});
export type Progress = Readonly<z.infer<typeof progressSchema>>;

/** Identifies an import. Only the same import can resume. */
const identitySchema = z.strictObject({
  source: z.strictObject({ size: count, modifiedMs: z.number(), ends: z.string() }),
  server: z.string(),
  /** The file of rejected rows. */
  rejected: z.string(),
  /** The options that decide how rows are read. */
  options: z.json(),
});
export type Identity = Readonly<z.infer<typeof identitySchema>>;

const journalSchema = z.strictObject({ version: z.literal(1), identity: identitySchema, progress: progressSchema });

export const nothingDone: Progress = {
  answered: 0,
  invalid: 0,
  passedOver: 0,
  withPreferences: 0,
  counts: { created: 0, updated: 0, unchanged: 0, applied: 0, failed: 0 },
  rejectedBytes: 0,
};

export function journalPath(source: string): string {
  return `${source}.journal`;
}

/** @throws CliError if the file cannot be read */
export async function identify(path: string, more: Omit<Identity, "source">): Promise<Identity> {
  try {
    return { ...more, source: await fingerprint(path) };
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * How far an interrupted import of this source came; undefined if there is no journal.
 *
 * @throws CliError if the journal belongs to another import, or cannot be read
 */
export async function readJournal(path: string, identity: Identity): Promise<Progress | undefined> {
  let text: string;
  try {
    await checkReplaceable(path);
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new CliError(`cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
  const again = "start again without --resume";
  const { data: journal } = journalSchema.safeParse(parsed(text));
  if (journal === undefined) throw new CliError(`${path} is not a readable journal: ${again}`);
  const kept = journal.identity;
  if (!isDeepStrictEqual(kept.source, identity.source)) {
    throw new CliError(`the source has changed since the import was interrupted: ${again}`);
  }
  if (kept.server !== identity.server) {
    throw new CliError(`the interrupted import went to ${kept.server}: name it with --server, or ${again}`);
  }
  if (!isDeepStrictEqual(kept.options, identity.options)) {
    throw new CliError(`the interrupted import had other options: give the same options, or ${again}`);
  }
  if (kept.rejected !== identity.rejected) {
    throw new CliError(
      `the interrupted import keeps its rejected rows in ${kept.rejected}: name it with --rejected, or ${again}`,
    );
  }
  return journal.progress;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A file with the progress of an import, which is complete at any time. It has no data of users. */
export class Journal {
  readonly path: string;
  readonly #identity: Identity;

  constructor(path: string, identity: Identity) {
    this.path = path;
    this.#identity = identity;
  }

  /** Resolves once it is on disk. @throws CliError if it cannot be written */
  async write(progress: Progress): Promise<void> {
    try {
      await this.#write(progress);
    } catch (error) {
      throw new CliError(`cannot write ${this.path}: ${error instanceof Error ? error.message : error}`);
    }
  }

  async #write(progress: Progress): Promise<void> {
    const temporary = `${this.path}.tmp`;
    for (const path of [temporary, this.path]) await checkReplaceable(path);
    await rm(temporary, { force: true });
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ version: 1, identity: this.#identity, progress })}\n`);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.path);
  }

  async remove(): Promise<void> {
    const isOurs = await checkReplaceable(this.path).then(
      () => true,
      () => false,
    );
    if (isOurs) await rm(this.path, { force: true });
  }
}
