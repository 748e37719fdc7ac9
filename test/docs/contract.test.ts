/** docs/contract.md: its commands, run in its order, answer what it says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { temporaryFolder } from "../support/files.ts";
import { startTestServer } from "../support/server.ts";
import { expectToPrint, shownCommands } from "../support/shown-commands.ts";
import { switchIndexes } from "../support/switch-indexes.ts";

const shown = shownCommands(readFileSync(new URL("../../docs/contract.md", import.meta.url), "utf8"));

test("shows every method", () => {
  const documented = UserService.methods.filter(({ name }) =>
    shown.some(({ command }) => command.includes(`/${name}`)),
  );
  expect(documented).toEqual(UserService.methods);
});

test("answers as it says", async () => {
  const store = `sqlite:${join(temporaryFolder(), "users.db")}`;
  const server = await startTestServer({ store });
  onTestFinished(() => server.stop());
  await switchIndexes(store, "email:fold,plan", server.url);
  await expectToPrint(shown, { servers: [["localhost:50051", `127.0.0.1:${server.port}`]] });
});
