/**
 * Puts a module of bench/parts/plain/ in the place of one of src/, for a server that is measured without a part:
 * `node --import "…/replace-module.ts?of=rpc/messages/write-user.ts&by=write-user-with-writer.ts" src/main.ts serve`.
 */
import { registerHooks } from "node:module";

const { searchParams } = new URL(import.meta.url);
const replaced = new URL(`../../src/${searchParams.get("of")}`, import.meta.url).href;
const replacement = new URL(`./plain/${searchParams.get("by")}`, import.meta.url).href;

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    return resolved.url === replaced ? { ...resolved, url: replacement } : resolved;
  },
});
