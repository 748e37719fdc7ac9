/** Who may call which method: decided before a request's body is read. */
import type { DescMethod } from "@bufbuild/protobuf";
import { type ContextValues, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import type { Authenticator } from "../credentials/authenticator.ts";
import { anybody, type Caller, checkScope, nobody, type Presented, type Scope } from "../credentials/caller.ts";
import type { Report } from "../telemetry/failure-log.ts";
import type { Admission } from "./admission.ts";
import type { CallContext } from "./call-context.ts";
import { toConnectError } from "./errors.ts";
import { observedKey } from "./request-end.ts";

/** What a caller needs, by the method's name. */
const scopes: ReadonlyMap<string, Scope> = new Map(
  Object.entries({
    Identify: "users.write",
    GetUser: "users.get",
    BatchIdentify: "users.write",
    BatchGetUsers: "users.get",
    ListUsers: "users.read",
    SetPreferences: "users.write",
    DeleteUser: "users.delete",
  } satisfies Record<(typeof UserService.methods)[number]["name"], Scope>),
);

export interface GateOptions {
  /** Without one, nobody is asked who they are. */
  readonly authenticator: Authenticator | undefined;
  readonly admission: Admission;
  /** Whether the methods of other services than UserService and Health are for all. */
  readonly reflectionIsOpen: boolean;
}

/**
 * Finds out who calls, and whether they may. At once wherever nobody needs to be asked.
 *
 * @param report called with a failure that the operator should know of
 * @throws ConnectError UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE, RESOURCE_EXHAUSTED
 */
export type Gate = (
  method: DescMethod,
  presented: () => Presented,
  report: (failure: unknown) => void,
) => Caller | Promise<Caller>;

export function createGate({ authenticator, admission, reflectionIsOpen }: GateOptions): Gate {
  const checkRoom = ({ methodKind }: DescMethod, refuse: (error: unknown) => never) => {
    try {
      admission.check(methodKind === "unary" ? "unary" : "stream");
    } catch (error) {
      refuse(error);
    }
  };
  return (method, presented, report) => {
    const refuse = (error: unknown): never => {
      throw toConnectError(error, report);
    };
    const { typeName } = method.parent;
    const isOurs = typeName === UserService.typeName;
    if (isOurs) checkRoom(method, refuse);
    if (authenticator === undefined) return anybody;
    if (typeName === Health.typeName) return nobody;
    if (!isOurs && reflectionIsOpen) return nobody;
    const admit = (caller: Caller) => {
      if (isOurs) checkScope(caller, scopeOf(method));
      return caller;
    };
    try {
      const caller = authenticator.authenticate(presented());
      return caller instanceof Promise ? caller.then(admit).catch(refuse) : admit(caller);
    } catch (error) {
      return refuse(error);
    }
  };
}

function scopeOf({ name }: DescMethod): Scope {
  const scope = scopes.get(name);
  if (scope === undefined) throw new Error(`nobody has said who may call ${name}`);
  return scope;
}

/** What a request's caller shows of themselves; set by the adapter. */
export const presentedKey = createContextKey<() => Presented>(
  () => ({ authorization: undefined, certificateNames: undefined }),
  { description: "what the caller shows" },
);

/** Takes note of a failure; set by the adapter. */
export const reportKey = createContextKey<Report>(() => {}, { description: "takes note of failures" });

/** Counts what the call holds; set by the adapter. */
export const holdKey = createContextKey<(bytes: number) => void>(() => {}, {
  description: "counts what the call holds",
});

const callerKey = createContextKey<Caller>(nobody, { description: "who calls" });

/** The gate as Connect asks for it. */
export function admitRequest(gate: Gate, { method, values }: HandlerContext): void | Promise<void> {
  const caller = gate(method, values.get(presentedKey), reportOf(values));
  const admit = (admitted: Caller) => void values.set(callerKey, admitted);
  return caller instanceof Promise ? caller.then(admit) : admit(caller);
}

export function callContext({ signal, values }: HandlerContext): CallContext {
  return { signal, caller: values.get(callerKey), hold: values.get(holdKey), report: reportOf(values) };
}

/** Takes note of a failure, with the request that it befell. */
function reportOf(values: ContextValues): (failure: unknown) => void {
  return (failure) => values.get(reportKey)(failure, values.get(observedKey)?.ids());
}

/** The caller's name, once it is known who calls. */
export function callerNameOf({ values }: HandlerContext): string | undefined {
  const { name } = values.get(callerKey);
  return name === nobody.name ? undefined : name;
}
