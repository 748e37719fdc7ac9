import { readFile } from "node:fs/promises";
import { readWholeFile } from "./whole-file.ts";

/** How soon a change is seen. The files are small, and are compared as a whole: no change goes unseen, however it is made. */
export const pollMs = 1_000;

export interface WatchedFileOptions<Content> {
  readonly path: string;
  /** @throws Error that says what is wrong with the content */
  readonly parse: (content: Buffer) => Content;
  readonly onChange?: (content: Content) => void;
  /** Called once for each change after which the file cannot be used; what it held before stays in use. */
  readonly onError: (error: Error) => void;
}

/** A file's content, read again whenever the file changes; a pipe's, read once. */
export interface WatchedFile<Content> {
  readonly content: Content;
  close(): void;
}

/** @throws Error that names the file, if it cannot be read or parsed at first */
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
  // What a pipe has given it has given.
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
