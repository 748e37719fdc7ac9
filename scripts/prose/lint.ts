/** textlint with the rules of this project. */
import { createRequire } from "node:module";
import { TextlintKernel } from "@textlint/kernel";
import type { TextlintPluginCreator, TextlintRuleModule } from "@textlint/types";
import passiveChains from "./passive-chains.ts";
import { words } from "./words.ts";

// These modules are CommonJS, and one has no types.
const require = createRequire(import.meta.url);
const markdown: { readonly default: TextlintPluginCreator } = require("@textlint/textlint-plugin-markdown");
const pattern: { readonly default: TextlintRuleModule } = require("@textlint-rule/textlint-rule-pattern");
const sentenceLength: { readonly default: TextlintRuleModule } = require("textlint-rule-sentence-length");

const maxSentence = 180;

const patterns = words.map((word) => ({
  pattern: `/\\b(?:${word.pattern.source.replaceAll(" ", "\\s+")})\\b/i`,
  message: `Write ${word.instead}.`,
}));

export interface Fault {
  readonly rule: string;
  readonly line: number;
  readonly message: string;
  /** The words, for the rule that forbids some. */
  readonly where: string | undefined;
}

const kernel = new TextlintKernel();

/** @returns the faults of a text in Markdown, in its order */
export async function lintProse(text: string): Promise<readonly Fault[]> {
  const { messages } = await kernel.lintText(text, {
    ext: ".md",
    plugins: [{ pluginId: "markdown", plugin: markdown.default }],
    rules: [
      { ruleId: "sentence-length", rule: sentenceLength.default, options: { max: maxSentence } },
      { ruleId: "passive-chains", rule: passiveChains },
      { ruleId: "words", rule: pattern.default, options: { patterns } },
    ],
  });
  return messages.map(({ ruleId, line, message, range }) => ({
    rule: ruleId,
    line,
    message: message.split("\n", 1).join(""),
    where: ruleId === "words" ? text.slice(...range).replaceAll(/\s+/g, " ") : undefined,
  }));
}
