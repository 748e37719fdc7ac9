/** Output of commands: text for people on a terminal, JSON for programs. */
import type { WriteStream } from "node:tty";
import { type DescMessage, type MessageShape, toJsonString } from "@bufbuild/protobuf";
import { createOption } from "@commander-js/extra-typings";
import type { User } from "#gen/rollcall/v1/user_pb.js";
import type { ValuesOf } from "../config/declare-options.ts";
import { printable } from "../config/invisible.ts";
import { printJson, printStyled, say } from "./standard-streams.ts";

export const outputOptions = { json: createOption("--json", "print JSON, also on a terminal") };
type OutputSettings = ValuesOf<typeof outputOptions>;

/** The terminal that people read; undefined if a program reads the output, or JSON is asked for. */
export function terminal({ json }: OutputSettings): WriteStream | undefined {
  return json !== true && process.stdout.isTTY ? process.stdout : undefined;
}

function damagedNotice(count: number): string {
  const left =
    count === 1
      ? "1 user is left out: its record is damaged"
      : `${count} users are left out: their records are damaged`;
  return `${left}; rollcall verify says more`;
}

/** Says how many users an answer leaves out because their records are damaged, and makes the exit status 1 if there are any. */
export function reportDamaged(count: number): void {
  if (count === 0) return;
  say(damagedNotice(count));
  process.exitCode = 1;
}

/** Prints a message as JSON with the contract's names. */
export function printMessage<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  { oneLine = false }: { oneLine?: boolean } = {},
): Promise<void> {
  return printJson(toJsonString(schema, message, { useProtoFieldName: true, ...(oneLine ? {} : { prettySpaces: 2 }) }));
}

/**
 * Prints an answer about one user, which lacks the user if the caller may not read.
 *
 * @param around lines before and after the user, only for people
 */
export async function printUser<Desc extends DescMessage>(
  options: OutputSettings,
  schema: Desc,
  answer: MessageShape<Desc> & { readonly user?: User | undefined },
  around: { readonly before?: readonly string[]; readonly after?: readonly string[] } = {},
): Promise<void> {
  const screen = terminal(options);
  if (screen === undefined) {
    await printMessage(schema, answer);
    return;
  }
  const { before = [], after = [] } = around;
  let card: readonly string[] = [];
  if (answer.user !== undefined) {
    // Loaded only if used: what measures text takes a tenth of the start.
    const { userCard } = await import("./terminal/users.ts");
    card = userCard(answer.user, screen);
  }
  await printStyled(...before.map(printable), ...card, ...after.map(printable));
}
