/** What clients in JSON read. */
import { fromBinary } from "@bufbuild/protobuf";
import { z } from "zod";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import type { UsersClient } from "./steps.ts";

export const identifyAnswer = z.object({ outcome: z.string() });
export const getAnswer = z.object({ user: z.object({ properties: z.record(z.string(), z.string()) }) });
const usersAnswer = z.object({ users: z.array(z.object({ id: z.string() })).default([]) });
/** JSON has an int64 as text, and leaves 0 out. */
const countAnswer = z.object({ count: z.string().default("0") });
export const batchAnswer = z.object({ created: z.number().default(0) });
/** Connect's form of an error. Details are in base64. */
const errorAnswer = z.object({ details: z.array(z.object({ type: z.string(), value: z.string() })).default([]) });

export const created = "OUTCOME_CREATED";

/** The searches of a client in JSON. @param call answers a unary call */
export function searches(
  call: (method: string, message: unknown) => Promise<unknown>,
): Pick<UsersClient, "find" | "count" | "scan"> {
  const idsIn = (answer: unknown) => usersAnswer.parse(answer).users.map(({ id }) => id);
  const match = (property: string, equals: string) => ({ match: { property, equals } });
  return {
    find: async (property, text) => idsIn(await call("FindUsers", match(property, text))),
    count: async (property, text) => Number(countAnswer.parse(await call("CountUsers", match(property, text))).count),
    scan: async (properties) => idsIn(await call("ScanUsers", { where: { properties } })),
  };
}

/** An error that a program printed as JSON. */
export class PrintedError extends Error {
  readonly reason: string | undefined;

  /** @param printed the JSON, perhaps after other words */
  constructor(printed: string) {
    super(printed);
    const { data } = errorAnswer.safeParse(parseEnd(printed));
    const info = data?.details.find(({ type }) => type === ErrorInfoSchema.typeName);
    this.reason = info && fromBinary(ErrorInfoSchema, Buffer.from(info.value, "base64")).reason;
  }
}

export function reasonOf(error: unknown): string | undefined {
  return error instanceof PrintedError ? error.reason : undefined;
}

function parseEnd(text: string): unknown {
  try {
    return JSON.parse(text.slice(text.indexOf("{")));
  } catch {
    return undefined;
  }
}
