/** What clients in JSON read. */
import { fromBinary } from "@bufbuild/protobuf";
import { z } from "zod";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";

export const identifyAnswer = z.object({ outcome: z.string() });
export const getAnswer = z.object({ user: z.object({ properties: z.record(z.string(), z.string()) }) });
export const batchAnswer = z.object({ created: z.number().default(0) });
/** Connect's form of an error. Details are in base64. */
const errorAnswer = z.object({ details: z.array(z.object({ type: z.string(), value: z.string() })).default([]) });

export const created = "OUTCOME_CREATED";

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
