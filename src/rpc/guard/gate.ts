/** Who may call which method: decided before a request's body is read. */
import type { DescMethod } from "@bufbuild/protobuf";
import { type ContextValues, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";
import type { Authenticator } from "../../credentials/authenticator.ts";
import {
  anybody,
  checkScope,
  nobody,
  type Presented,
  type Principal,
  type Scope,
} from "../../credentials/principal.ts";
import type { Report } from "../../telemetry/failure-log.ts";
import { UserError } from "../../users/errors.ts";
import type { CallContext } from "../call-context.ts";
import { observedKey } from "../connect/request-end.ts";
import { toConnectError } from "../errors.ts";
import type { Admission } from "./admission.ts";

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
type Ask = (
  method: DescMethod,
  presented: () => Presented,
  report: (failure: unknown) => void,
) => Principal | Promise<Principal>;

type OnCaller = (caller: Principal) => void;

export interface Gate {
  /**
   * For a call that has come in.
   *
   * @param onCaller called with who calls once that is known, whether they may or not
   */
  readonly admit: (...ask: [...Parameters<Ask>, onCaller: OnCaller]) => ReturnType<Ask>;
  /** For a call that has been admitted, while it is open. */
  readonly recheck: Ask;
}

export function createGate({ authenticator, admission, reflectionIsOpen }: GateOptions): Gate {
  const isOurs = ({ parent }: DescMethod) => parent.typeName === UserService.typeName;
  const authenticate = (
    method: DescMethod,
    presented: () => Presented,
    onCaller: OnCaller = () => {},
  ): Principal | Promise<Principal> => {
    if (authenticator === undefined) return anybody;
    if (method.parent.typeName === Health.typeName) return nobody;
    if (!isOurs(method) && reflectionIsOpen) return nobody;
    const admit = (caller: Principal) => {
      onCaller(caller);
      if (isOurs(method)) checkScope(caller, scopeOf(method));
      return caller;
    };
    const caller = authenticator.authenticate(presented());
    return caller instanceof Promise ? caller.then(admit) : admit(caller);
  };
  return {
    admit(method, presented, report, onCaller) {
      const refuse = (error: unknown): never => {
        throw toConnectError(error, report);
      };
      try {
        if (isOurs(method)) admission.check(method.methodKind === "unary" ? "unary" : "stream");
        const caller = authenticate(method, presented, onCaller);
        return caller instanceof Promise ? caller.catch(refuse) : caller;
      } catch (error) {
        return refuse(error);
      }
    },
    async recheck(method, presented, report) {
      try {
        return await authenticate(method, presented);
      } catch (error) {
        throw toConnectError(noLonger(error, method), report);
      }
    },
  };
}

/** What is told of credentials with which a call began. */
function noLonger(failure: unknown, { methodKind }: DescMethod): unknown {
  if (!(failure instanceof UserError) || failure.reason === "CREDENTIALS_UNVERIFIABLE") return failure;
  const { reason, message, metadata } = failure;
  const subject = methodKind === "unary" ? "call" : "stream";
  return new UserError(reason, `the ${subject}'s credentials no longer hold: ${message}`, { metadata });
}

function scopeOf({ name }: DescMethod): Scope {
  const scope = scopes.get(name);
  if (scope === undefined) throw new Error(`no scope is declared for ${name}`);
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

const callerKey = createContextKey<Principal>(nobody, { description: "who calls" });

const admittedKey = createContextKey<Pick<CallContext, "admittedAt" | "recheck">>(
  { admittedAt: 0, recheck: async () => {} },
  { description: "when the call was admitted, and its credentials" },
);

/** The gate as Connect asks for it. */
export function admitRequest(gate: Gate, { method, values }: HandlerContext): void | Promise<void> {
  const report = reportOf(values);
  const admit = (admitted: Principal) => void values.set(callerKey, admitted);
  let shown: Presented | undefined;
  // The connection may be gone when they are checked again.
  const presented = () => (shown ??= values.get(presentedKey)());
  values.set(admittedKey, {
    admittedAt: performance.now(),
    recheck: async () => admit(await gate.recheck(method, presented, report)),
  });
  const caller = gate.admit(method, presented, report, admit);
  return caller instanceof Promise ? caller.then(admit) : admit(caller);
}

export function callContext({ signal, values }: HandlerContext): CallContext {
  return {
    signal,
    get caller() {
      return values.get(callerKey);
    },
    ...values.get(admittedKey),
    hold: values.get(holdKey),
    report: reportOf(values),
  };
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
