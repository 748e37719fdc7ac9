/** Words and phrases that this project does not use. */

export interface Word {
  /** Read without regard to case. A space stands for any space or line break. */
  readonly pattern: RegExp;
  /** What to write. */
  readonly instead: string;
}

/** Names that others in this field do not know, each with the name that they do. */
const names: readonly Word[] = [
  { pattern: /allowances?/, instead: "token bucket" },
  { pattern: /held bytes/, instead: "memory budget" },
  { pattern: /oldest[- ]out/, instead: "eviction" },
  { pattern: /ways? in/, instead: "path, or protocol" },
  { pattern: /shed(?:s|ding)?/, instead: "refuse, or evict" },
  { pattern: /(?:cut|cuts|cutting) short/, instead: "end, or close" },
  { pattern: /(?:let|lets|letting) go/, instead: "release, or close" },
  { pattern: /(?:break|breaks|broke|broken) off/, instead: "end, or reset" },
  { pattern: /(?:mean|means|meant) (?:harm|well)/, instead: "hostile, or honest" },
  { pattern: /(?:made|make|makes) again/, instead: "retry" },
];

/** Clauses that stand for a noun, or hide it. */
const riddles: readonly Word[] = [
  { pattern: /whom/, instead: "name the person, or who" },
  { pattern: /(?:who|what|which|whom)ever/, instead: "a noun: any caller, every field" },
  { pattern: /(?:of|with|by|from|for|to|at|on|after) which/, instead: "two sentences, or a noun" },
  { pattern: /(?:of|with|by|from|for|to|in|on|than) what/, instead: "a noun" },
  { pattern: /what(?: it)? (?:is|are|was|has|have) (?:no|not|never|none)/, instead: "a noun" },
  { pattern: /that there (?:is|are|was|were)/, instead: "which exists, or leave it out" },
  { pattern: /the (?:latter|former)/, instead: "the noun" },
];

/** Words of another age, and their plain ones. */
const old: readonly Word[] = [
  { pattern: /(?:where|there|here)(?:by|in|of|upon|with)/, instead: "a plain preposition" },
  { pattern: /anew/, instead: "again" },
  { pattern: /(?:go|goes|went|going) on/, instead: "continue" },
  { pattern: /under way/, instead: "in progress" },
  { pattern: /mend(?:s|ed|ing)?/, instead: "fix" },
  { pattern: /as good as/, instead: "like" },
  { pattern: /bring(?:s|ing)? along/, instead: "include" },
  { pattern: /(?:takes?|taken|took) on/, instead: "accept" },
];

export const words: readonly Word[] = [...names, ...riddles, ...old];
