/** Who may call which method: decided before a request's body is received. */
import type { DescMethod } from "@bufbuild/protobuf";
import type { Authenticator } from "../../credentials/authenticator.ts";
import { anybody, checkScope, nobody, type Principal, type Scope } from "../../credentials/principal.ts";
import { UserError } from "../../users/errors.ts";
import { type Exchange, presentedIn } from "../exchange.ts";
import { openServices, reflectionServices } from "./open-services.ts";

export interface GateOptions {
  /** Without one, nobody is asked for credentials. */
  readonly authenticator: Authenticator | undefined;
  /** Whether reflection is open to all callers, as health always is. */
  readonly reflectionIsOpen: boolean;
}

/** What the gate knows of a call, and tells it. */
export interface AskingCall {
  readonly kind: {
    readonly method: DescMethod;
    /** What its callers need; undefined where they need none, perhaps not even credentials. */
    readonly scope: Scope | undefined;
  };
  readonly exchange: Exchange;
  /** Set once it is known, whether or not it may call the method. */
  principal: Principal;
}

export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /**
   * Finds out who calls, and whether they may.
   *
   * @returns undefined where that is known at once
   * @throws UserError CREDENTIALS_INVALID, SCOPE_MISSING, CREDENTIALS_UNVERIFIABLE
   */
  admit(call: AskingCall): Promise<void> | undefined {
    const { authenticator, reflectionIsOpen } = this.#options;
    const { method, scope } = call.kind;
    if (authenticator === undefined) {
      call.principal = anybody;
      return undefined;
    }
    const { typeName } = method.parent;
    if (openServices.has(typeName) && (reflectionIsOpen || !reflectionServices.has(typeName))) {
      call.principal = nobody;
      return undefined;
    }
    const admit = (principal: Principal) => {
      call.principal = principal;
      if (scope !== undefined) checkScope(principal, scope);
    };
    const principal = authenticator.authenticate(presentedIn(call.exchange));
    if (principal instanceof Promise) return principal.then(admit);
    admit(principal);
    return undefined;
  }

  /**
   * Checks the credentials of a call again that has been admitted.
   *
   * @throws UserError as `admit` does
   */
  async recheck(call: AskingCall): Promise<void> {
    try {
      await this.admit(call);
    } catch (error) {
      throw noLonger(error, call.kind.method);
    }
  }
}

/** The error for credentials that were valid when the call began. */
function noLonger(failure: unknown, { methodKind }: DescMethod): unknown {
  if (!(failure instanceof UserError) || failure.reason === "CREDENTIALS_UNVERIFIABLE") return failure;
  const { reason, message, metadata } = failure;
  const subject = methodKind === "unary" ? "call" : "stream";
  return new UserError(reason, `the ${subject}'s credentials no longer hold: ${message}`, { metadata });
}
