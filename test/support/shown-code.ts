/**
 * Whether these lines of code stand in a file one after the other, with nothing between them and all with the same
 * indentation before them.
 */
export function standsIn(code: string, file: string): boolean {
  const wanted = code.trimEnd().split("\n");
  const lines = file.split("\n");
  return lines.some((line, at) => {
    const indentation = /^\s*/.exec(line)?.[0] ?? "";
    return wanted.every((want, index) => lines[at + index] === (want === "" ? "" : indentation + want));
  });
}
