/** A scenario file, as README.md beside this file describes it. */
import { readFileSync } from "node:fs";
import type { JsonValue } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { z } from "zod";
import { ErrorReason } from "#gen/rollcall/v1/errors_pb.js";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";

/** Taken as it is: a schema for objects would lose a key `__proto__`. */
const json = z.custom<JsonValue>((value) => value !== undefined);
const object = json.refine((value) => typeof value === "object" && value !== null && !Array.isArray(value), {
  error: "expected an object",
});
const reason = z.enum(Object.keys(ErrorReason).filter((name) => /^[A-Z]/.test(name) && name !== "UNSPECIFIED"));

const code = z.enum(
  Object.values(Code)
    .filter((name) => typeof name === "string")
    .map(codeName),
);

const error = z.strictObject({
  code,
  reason,
  violations: z.array(z.strictObject({ field: z.string(), reason })).default([]),
  metadata: z.record(z.string(), z.string()).default({}),
});

const looks = {
  name: z.string().min(1),
  present: z.array(z.string()).default([]),
  differs: z.record(z.string(), z.string()).default({}),
  save: z.record(z.string(), z.string()).default({}),
};

const unaryStep = z
  .strictObject({
    ...looks,
    method: z.enum(methodNames("unary")),
    request: object,
    response: object.optional(),
    error: error.optional(),
  })
  .refine(({ response, error }) => (response === undefined) !== (error === undefined), {
    error: "expected either a response or an error",
  });

const streamStep = z
  .strictObject({
    ...looks,
    method: z.enum(methodNames("bidi_streaming")),
    requests: z.array(object),
    responses: z.array(object).optional(),
    error: error.optional(),
  })
  .refine(({ responses, error }) => responses !== undefined || error !== undefined, {
    error: "expected responses, an error or both",
  });

const steps = z.array(z.union([unaryStep, streamStep])).superRefine((steps, context) => {
  const names = new Set<string>();
  steps.forEach(({ name }, index) => {
    if (names.has(name)) {
      context.addIssue({ code: "custom", path: [index, "name"], message: "is the name of an earlier step too" });
    }
    names.add(name);
  });
});

const scenarioFile = z.strictObject({ steps });

export type UnaryStep = z.infer<typeof unaryStep>;
export type StreamStep = z.infer<typeof streamStep>;
export type Step = UnaryStep | StreamStep;
export type ExpectedError = z.infer<typeof error>;

/** @throws Error that says what is wrong with the file */
export function readSteps(file: string): readonly Step[] {
  const result = scenarioFile.safeParse(JSON.parse(readFileSync(file, "utf8")));
  if (result.success) return result.data.steps;
  throw new Error(`${file} is no scenario file:\n${z.prettifyError(result.error)}`);
}

/** gRPC's name of a code, as `INVALID_ARGUMENT`, from Connect's, as `InvalidArgument`. */
export function codeName(name: string): string {
  return name === "Canceled" ? "CANCELLED" : name.replace(/(?<!^)[A-Z]/g, "_$&").toUpperCase();
}

function methodNames(kind: "unary" | "bidi_streaming"): string[] {
  return UserService.methods.filter(({ methodKind }) => methodKind === kind).map(({ name }) => name);
}
