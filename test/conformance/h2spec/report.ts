/** Reads h2spec's report. */

export interface Case {
  /** As `http2/5.1: closed: Sends a DATA frame`: h2spec's suite, the section (of RFC 7540 or 7541) and the title. */
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** What h2spec says of a failure. */
  readonly told: string;
}

// The report is no valid XML where what a case tells has bytes of frames in it.
const testcase = /<testcase package="([^"]*)" classname="([^"]*)"[^>]*>(.*?)<\/testcase>/gs;
const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", "#34": '"', "#39": "'" };

/** @throws Error if two cases have one name */
export function readReport(report: string): readonly Case[] {
  const cases = [...report.matchAll(testcase)].map(([, section = "", title = "", body = ""]): Case => {
    const isSkipped = body.includes("<skipped>");
    const outcome = isSkipped ? "skipped" : body.trim() === "" ? "passed" : "failed";
    const told = body.replace(/<\/?(error|failure|skipped)>/g, "").trim();
    return { name: unescaped(`${section}: ${title}`), outcome, told };
  });
  const names = new Set(cases.map(({ name }) => name));
  if (names.size !== cases.length) throw new Error("h2spec has two cases with one name");
  return cases;
}

function unescaped(text: string): string {
  return text.replace(/&([^;]+);/g, (whole, name: string) => entities[name] ?? whole);
}
