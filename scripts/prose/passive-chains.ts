/** A rule of textlint: a sentence has at most one verb in the passive. */
import type { TextlintRuleReporter } from "@textlint/types";
import { SentenceSplitterSyntax, split } from "sentence-splitter";

const auxiliary = "am|is|are|was|were|be|been|being";
const between = "not|never|also|only|always|then|again|first|once|already|\\w+ly";
const irregular =
  "begun|bound|brought|built|chosen|cut|done|drawn|driven|felt|found|given|held|hidden|kept|known|laid|left|lost|made|meant|met|overwritten|paid|put|read|sent|set|shown|spent|split|taken|thrown|told|understood|used|worn|written";
const passive = new RegExp(`\\b(?:${auxiliary})(?: (?:${between}))* (?:\\w+ed|${irregular})\\b`, "g");

/** The verbs of a sentence that are in the passive, in its order. */
export function passivesOf(sentence: string): readonly string[] {
  return sentence.replaceAll(/\s+/g, " ").match(passive) ?? [];
}

const passiveChains: TextlintRuleReporter<{ readonly max?: number }> = (context, { max = 1 } = {}) => ({
  [context.Syntax.Paragraph](node) {
    // Code counts as one word, of the same length.
    const source = context.getSource(node).replaceAll(/`[^`]*`/g, (code) => "_".repeat(code.length));
    for (const { type, raw, range } of split(source)) {
      if (type !== SentenceSplitterSyntax.Sentence) continue;
      const found = passivesOf(raw);
      if (found.length <= max) continue;
      const message = `Say who does it: ${found.length} verbs of this sentence are in the passive (${found.join(", ")}).`;
      const padding = context.locator.at(range[0]);
      context.report(node, new context.RuleError(message, { padding }));
    }
  },
});

export default passiveChains;
