import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { showProgress } from "../../../src/cli/terminal/progress.ts";
import { until } from "../../support/until.ts";

const done = { users: 500, share: 0.5, details: "500 created" };

/** What is shown; without more, where there is no terminal. */
function shown(isShareKnown: boolean, terminal: { isTTY?: boolean; columns?: number } = {}) {
  const stream = Object.assign(new PassThrough(), terminal);
  let text = "";
  stream.on("data", (piece) => {
    text += piece;
  });
  return { progress: showProgress(stream, isShareKnown, 10), text: () => text };
}

test("without a terminal there are lines with the share that is done, the rate, and what else there is to say", async () => {
  const { progress, text } = shown(true);
  progress.update(done);
  await until(() => text().includes("500 created"));
  progress.stop();
  expect(text()).toMatch(/^50%, 500 users, \d+ users\/s: 500 created$/m);
  expect(text()).not.toContain("\u001b");
});

test("where nobody knows how much there is, there is no share", async () => {
  const { progress, text } = shown(false);
  progress.update({ ...done, share: undefined });
  await until(() => text().includes("500 created"));
  progress.stop();
  expect(text()).toMatch(/^500 users, \d+ users\/s: 500 created$/m);
});

test("what is waited for is told in one line, and that it is over in another", async () => {
  const { progress, text } = shown(true);
  for (const reason of ["refused", "refused again"]) progress.waiting(`waiting: ${reason}`);
  await until(() => text() === "waiting: refused\n");
  progress.update(done);
  await until(() => text().includes("500 created"));
  progress.stop();
  expect(text()).toMatch(/^waiting: refused\nthe server answers again\n50%, 500 users/);
});

test("on a terminal, what is waited for stands beside the bar until there is something new", async () => {
  const { progress, text } = shown(true, { isTTY: true, columns: 120 });
  progress.update(done);
  await until(() => text().includes("500 created"));
  progress.waiting("waiting: refused");
  await until(() => / 50%: waiting: refused/.test(text()));
  progress.update({ ...done, details: "501 created" });
  await until(() => text().includes(": 501 created"));
  progress.stop();
});
