import { readFile } from "node:fs/promises";
import { readWholeFile } from "./whole-file.ts";

/** How soon a change is seen. The files are small and compared as a whole, so that no kind of change goes unseen. */
export const pollMs = 1_000;

export interface WatchedFileOptions<Content> {
  readonly path: string;
  /** @throws Error that says what is wrong with the content */
  readonly parse: (content: Buffer) => Content;
  readonly onChange?: (content: Content) => void;
  /** Called once for each change that cannot be used; the previous content stays in use. */
  readonly onError: (error: Error) => void;
}

/** A file's content, read again when the file changes. A pipe is read once. */
export interface WatchedFile<Content> {
  readonly content: Content;
  close(): void;
}

/** @throws Error that names the file, if it cannot be read or parsed now */
export function watchedFile<Content>(options: WatchedFileOptions<Content>): WatchedFile<Content> {
  const { path, parse, onChange = () => {}, onError } = options;
  const named = (error: unknown) =>
    new Error(`${path}: ${error instanceof Error ? error.message : error}`, { cause: error });
  let bytes: Buffer;
  let isPipe: boolean;
  let content: Content;
  try {
    ({ bytes, isPipe } = readWholeFile(path));
    content = parse(bytes);
  } catch (error) {
    throw named(error);
  }
  let failure: string | undefined;
  const fail = (error: unknown) => {
    const { message } = named(error);
    if (message !== failure) onError(named(error));
    failure = message;
  };
  const check = async () => {
    try {
      const now = await readFile(path);
      if (timer !== undefined && !now.equals(bytes)) {
        bytes = now;
        content = parse(now);
        onChange(content);
      }
      failure = undefined;
    } catch (error) {
      if (timer !== undefined) fail(error);
    }
    timer?.refresh();
  };
  // A pipe gives its content once.
  let timer = isPipe ? undefined : setTimeout(() => void check(), pollMs).unref();
  return {
    get content() {
      return content;
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
