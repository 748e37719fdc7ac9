/**
 * Checks the English of documents, of the contract's comments and of help texts, by the rules in prose/lint.ts. Exits with
 * status 1 and prints a line for each fault. Arguments name the texts to check; without any, it checks all but the exempt.
 */
import { exempt } from "./prose/exempt.ts";
import { lintProse } from "./prose/lint.ts";
import { contractComments, documents, helpTexts } from "./prose/texts.ts";

const texts = [...documents(), ...contractComments(), ...(await helpTexts())];
const named = process.argv.slice(2);
const unknown = [...named, ...exempt].filter((name) => !texts.some((text) => text.name === name));
for (const name of unknown) console.error(`There is no text "${name}" (or scripts/prose/exempt.ts names it in vain).`);

let faults = 0;
for (const { name, text } of texts) {
  if (named.length > 0 ? !named.includes(name) : exempt.includes(name)) continue;
  for (const { rule, line, where, message } of await lintProse(text)) {
    faults += 1;
    console.error(`${name}:${line} ${where === undefined ? "" : `"${where}": `}${message} (${rule})`);
  }
}
if (faults + unknown.length > 0) process.exitCode = 1;
