/** Finds what is wrong with a JSON value, in a second walk over its tape. */
import { nestedTooDeep, type Violation } from "../../users/errors.ts";
import { formatPath, type Path } from "../../users/field-path.ts";
import { limits } from "../../users/limits.ts";
import { type JsonTape, tokenKinds } from "./json-tape.ts";

/**
 * What a google.protobuf.Struct cannot hold.
 *
 * @param first index of an object
 * @param field with which paths begin
 * @returns at most as many violations as one error lists
 */
export function structViolations(tape: JsonTape, first: number, field: string): readonly Violation[] {
  const violations: Violation[] = [];
  const path: (string | number)[] = [];
  const invalid = (description: string) =>
    violations.push({ field: formatPath(field, path), reason: "INVALID_PROPERTY", description });
  const visit = (index: number) => {
    const kind = tape.kind(index);
    if (kind === tokenKinds.string) {
      if (tape.isEscaped(index) && !tape.string(index).isWellFormed()) invalid("is not valid Unicode");
    } else if (kind === tokenKinds.number) {
      if (!Number.isFinite(tape.number(index))) invalid("is not a finite number");
    } else if (tape.isContainer(index)) {
      if (path.length > limits.maxValueDepth) violations.push(nestedTooDeep(formatPath(field, path)));
      else visitParts(index);
    }
  };
  const visitParts = (container: number) =>
    tape.forEachIn(container, (step, index) => {
      path.push(typeof step === "string" ? step.toWellFormed() : step);
      if (typeof step === "string" && !step.isWellFormed()) invalid("the name is not valid Unicode");
      else visit(index);
      path.pop();
      return violations.length < limits.maxViolations;
    });
  visitParts(first);
  return violations;
}

/**
 * Names that are repeated in one object: readers differ in which of the values counts.
 *
 * @param first index of a value
 * @param max paths to find
 * @returns where a name stands for the second time
 */
export function repeatedNames(tape: JsonTape, first: number, max: number): readonly Path[] {
  const found: Path[] = [];
  const path: (string | number)[] = [];
  const visit = (container: number) => {
    const names = new Set<string>();
    tape.forEachIn(container, (step, index) => {
      path.push(step);
      if (typeof step === "string") {
        if (names.has(step)) found.push([...path]);
        names.add(step);
      }
      if (found.length < max && tape.isContainer(index)) visit(index);
      path.pop();
      return found.length < max;
    });
  };
  if (tape.isContainer(first)) visit(first);
  return found;
}
