/** Origins of web pages as browsers send them, `https://app.example.com`, or `*` for any. */
export type CorsOrigins = "*" | readonly string[];

/**
 * @param text origins, separated by commas; `*` alone for any; empty for none
 * @throws Error that names the wrong origin, and what is wrong with it
 */
export function parseCorsOrigins(text: string): CorsOrigins {
  if (text === "") return [];
  const origins = text.split(",").map((origin) => origin.trim());
  if (origins.length === 1 && origins[0] === "*") return "*";
  return [...new Set(origins.map(parseOrigin))];
}

function parseOrigin(text: string): string {
  const wrong = (what: string) => new Error(`${what}. Expected SCHEME://HOST[:PORT], as in https://app.example.com.`);
  if (text === "") throw wrong("There is nothing before or after a comma");
  if (text === "*") throw new Error("* allows any origin, and is given alone.");
  const [, scheme, rest = ""] = /^([a-z][a-z\d+.-]*):\/\/(.*)$/is.exec(text) ?? [];
  if (scheme === undefined) throw wrong(`${text} has no scheme`);
  if (!/^https?$/i.test(scheme)) throw wrong(`${text} has a scheme other than http or https`);
  if (/[/?#\\]/.test(rest)) throw wrong(`${text} has more than an origin, such as a path`);
  if (rest.includes("@")) throw wrong(`${text} has a user's name`);
  if (rest.includes("*")) throw new Error(`${text} has a wildcard: name each origin, or allow any with *.`);
  if (!URL.canParse(text)) throw wrong(`${text} has no valid host or port`);
  // Browsers send it in lower case, and without the scheme's default port.
  return new URL(text).origin;
}
