/** Commands whose calls are answered by something else than Rollcall, which keeps its connections open. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileWith } from "../support/files.ts";
import { foreignServer, page } from "../support/foreign-server.ts";
import { rollcall } from "../support/processes.ts";

/** Every command that calls a server. */
function commands(): readonly (readonly string[])[] {
  const file = fileWith('{"id":"u1","properties":{}}\n', "users.ndjson");
  return [
    ["get", "u1"],
    ["get", "u1", "u2"],
    ["list"],
    ["list", "--all"],
    ["identify", "u1", "--properties", "{}"],
    ["set-preferences", "u1", "--preferences", "{}"],
    ["delete", "u1"],
    ["import", file],
    ["export", join(file, "..", "all.csv")],
    ["registry"],
    ["health"],
  ];
}

describe("a command ends at once with one sentence", () => {
  test.for([
    [301, /redirects/],
    [401, /refuses the call/],
    [403, /refuses the call/],
    [404, /does not pass gRPC on/],
    [429, /limits/],
    [502, /cannot reach Rollcall/],
    [503, /cannot reach Rollcall/],
    [504, /cannot reach Rollcall/],
    [200, /text\/html/],
  ] as const)("that names HTTP %i", async ([status, hint]) => {
    const { url } = await foreignServer(page(status));
    // All commands are tried with one status, and some with each of them.
    const all = commands();
    const tried = status === 502 ? all : all.filter(([name]) => name === "get" || name === "import");
    for (const command of tried) {
      const ended = await rollcall([...command, "--server", url]);
      expect(ended).toMatchObject({ status: 1, stdout: "" });
      expect(ended.stderr).toMatch(/^rollcall: .*\n$/);
      expect(ended.stderr).toContain(`rollcall: ${url} answered HTTP ${status}`);
      expect(ended.stderr).toContain("which is not Rollcall's");
      expect(ended.stderr).toMatch(hint);
    }
  });
});
