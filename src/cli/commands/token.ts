import { createHash, randomBytes } from "node:crypto";
import { Command, createOption } from "@commander-js/extra-typings";
import { isScope, type Scope, scopes } from "../../credentials/principal.ts";
import { CliError } from "../cli-error.ts";
import { printJson } from "../standard-streams.ts";

/** Too many to guess. */
const tokenBytes = 32;

const help = `
The token is printed once. Give it to the caller, and add the entry, which holds only its hash, to "tokens" in the file.

Examples:
  rollcall token dashboard
  rollcall token importer --scopes users.read,users.write`;

export function tokenCommand() {
  return new Command("token")
    .description("make a token for a caller, and its entry for the server's --credentials file")
    .argument("<name>", "the caller's name in logs and metrics")
    .addOption(
      createOption("--scopes <scopes>", `what the caller may do, separated by commas; any of ${scopes.join(", ")}`)
        .default(["users.read"], "users.read")
        .argParser(parseScopes),
    )
    .addHelpText("after", help)
    .action(makeToken);
}

function parseScopes(text: string): readonly Scope[] {
  const words = text.split(",").map((word) => word.trim());
  return words.map((word) => {
    if (!isScope(word))
      throw new CliError(`--scopes: there is no scope ${JSON.stringify(word)}; use ${scopes.join(", ")}`);
    return word;
  });
}

function makeToken(name: string, options: { readonly scopes: readonly Scope[] }): Promise<void> {
  const token = randomBytes(tokenBytes).toString("base64url");
  const sha256 = createHash("sha256").update(token).digest("hex");
  return printJson(JSON.stringify({ token, entry: { name, sha256, scopes: options.scopes } }, undefined, 2));
}
