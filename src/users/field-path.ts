/** Paths that name a part of a request, such as `properties["a.b"].list[3]`. */

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** The most characters of a name and of a path, so that error details stay small. */
const maxNameInPath = 40;
const maxPathLength = 100;

/** Names are strings, positions in a list are numbers. */
export type Path = readonly (string | number)[];

/** The path below `field`. Identifiers follow a dot, other names are quoted, and long names are cut. */
export function formatPath(field: string, path: Path): string {
  let text = field;
  for (const step of path) {
    if (text.length > maxPathLength) return `${text}…`;
    text += typeof step === "number" ? `[${step}]` : formatName(step);
  }
  return text;
}

function formatName(name: string): string {
  const shown = name.length > maxNameInPath ? `${name.slice(0, maxNameInPath).toWellFormed()}…` : name;
  return identifier.test(shown) ? `.${shown}` : `[${JSON.stringify(shown)}]`;
}
