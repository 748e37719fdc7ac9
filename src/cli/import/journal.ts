import { open, readFile, rename, rm } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { CliError } from "../cli-error.ts";
import { checkReplaceable } from "../destination.ts";
import { fingerprint } from "./fingerprint.ts";

const count = z.int().nonnegative();

/** How far an import has come: everything counted here is done, and nothing else is. */
const progressSchema = z.strictObject({
  /** Users that have been answered, from the source's first on. */
  answered: count,
  /** Rows without a user that have been reported, from the first on. */
  invalid: count,
  passedOver: count,
  /** Of the users that have been answered, those with preferences that were not imported. */
  withPreferences: count,
  counts: z.strictObject({
    created: count,
    updated: count,
    unchanged: count,
    /** Journals of 0.1 have none. */
    applied: count.default(0),
    failed: count,
  }),
  /** How long the file of rejected rows is. */
  rejectedBytes: count,
});
export type Progress = Readonly<z.infer<typeof progressSchema>>;

/** What an import is: only one with the same can go on where another was interrupted. */
const identitySchema = z.strictObject({
  source: z.strictObject({ size: count, modifiedMs: z.number(), ends: z.string() }),
  server: z.string(),
  /** Where rejected rows go. */
  rejected: z.string(),
  /** The options that say what the source's rows mean. */
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

/**
 * What the import of a file is.
 *
 * @throws CliError if the file cannot be read
 */
export async function identify(path: string, more: Omit<Identity, "source">): Promise<Identity> {
  try {
    return { ...more, source: await fingerprint(path) };
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * How far an interrupted import of the same source came; undefined where there is no journal of one.
 *
 * @throws CliError if the journal is one of another import, or cannot be read
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
  const again = "import again without --resume, from the beginning";
  const { data: journal } = journalSchema.safeParse(parsed(text));
  if (journal === undefined) throw new CliError(`${path} is not a journal that can be read: ${again}`);
  const kept = journal.identity;
  if (!isDeepStrictEqual(kept.source, identity.source)) {
    throw new CliError(`the source has changed since its import was interrupted: ${again}`);
  }
  if (kept.server !== identity.server) {
    throw new CliError(`the import that was interrupted went to ${kept.server}: name it with --server, or ${again}`);
  }
  if (!isDeepStrictEqual(kept.options, identity.options)) {
    throw new CliError(`the import that was interrupted read the source otherwise: give the same options, or ${again}`);
  }
  if (kept.rejected !== identity.rejected) {
    throw new CliError(
      `the rejected rows of that import are in ${kept.rejected}: name it with --rejected, or ${again}`,
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

/** Keeps how far an import has come in a file, which is whole at any time. It holds no user's data. */
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
