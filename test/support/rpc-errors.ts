import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.js";

/** An error as a client sees it. */
export interface SeenError {
  readonly code: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly { readonly field: string; readonly reason: string }[];
  readonly retry: boolean;
  readonly message: string;
}

/** What a call failed with; fails itself if the call succeeds. */
export async function failureOf(call: Promise<unknown>): Promise<SeenError> {
  return call.then(
    () => {
      throw new Error("the call succeeded");
    },
    (error: unknown) => describeError(error),
  );
}

export function describeError(failure: unknown): SeenError {
  const error = ConnectError.from(failure);
  const [info] = error.findDetails(ErrorInfoSchema);
  return {
    code: Code[error.code] ?? "",
    reason: info?.reason,
    domain: info?.domain,
    metadata: { ...info?.metadata },
    violations: error
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations.map(({ field, reason }) => ({ field, reason }))),
    retry: error.findDetails(RetryInfoSchema).length > 0,
    message: error.rawMessage,
  };
}
