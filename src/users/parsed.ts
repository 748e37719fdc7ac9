import { invalidRequest, type Violation } from "./errors.ts";

/** What a part of a request was read to, or what is wrong with it. */
export type Parsed<T> = T | Invalid;

export class Invalid {
  /** At least one. */
  readonly violations: readonly Violation[];

  constructor(...violations: readonly Violation[]) {
    this.violations = violations;
  }
}

type Valid<Parts> = { readonly [Index in keyof Parts]: Exclude<Parts[Index], Invalid> };

/**
 * @returns the parts of a request, if all of them are valid
 * @throws UserError naming every offending field, in the order of the parts
 */
export function allValid<Parts extends readonly unknown[]>(...parts: Parts): Valid<Parts> {
  if (areValid(parts)) return parts;
  throw invalidRequest(parts.flatMap((part) => (part instanceof Invalid ? part.violations : [])));
}

function areValid<Parts extends readonly unknown[]>(parts: Parts): parts is Parts & Valid<Parts> {
  return !parts.some((part) => part instanceof Invalid);
}
