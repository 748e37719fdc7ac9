import { readWholeFile } from "./whole-file.ts";

/**
 * @param option names the file
 * @throws Error that names the option, if the file cannot be read or is not in PEM
 */
export function readPem(option: string, file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined;
  let content: Buffer;
  try {
    content = readWholeFile(file).bytes;
  } catch (error) {
    throw new Error(`${option} cannot be read: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
  if (!isPem(content)) throw new Error(`${option} is not in PEM: ${file}`);
  return content;
}

/** @throws Error if a file's content is not in PEM */
export function checkPem(content: Buffer): Buffer {
  if (!isPem(content)) throw new Error("is not in PEM");
  return content;
}

function isPem(content: Buffer): boolean {
  return content.includes("-----BEGIN ");
}
