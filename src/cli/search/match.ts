/** The match of a condition, as FindUsers and CountUsers take it. */
import { create, fromJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { type Match, MatchSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { type Condition, kindOf, type ValueKind } from "./condition.ts";

const indexedKinds: readonly ValueKind[] = ["text", "number", "bool"];

/** Whether an index could hold the value that is asked for. */
export function canBeIndexed(condition: Condition): boolean {
  return condition.is !== "equals" || indexedKinds.includes(kindOf(condition.value));
}

export function matchOf(condition: Condition): Match {
  const { property } = condition;
  switch (condition.is) {
    case "equals":
      return matchWith(property, { case: "equals", value: fromJson(ValueSchema, condition.value) });
    case "starts-with":
      return matchWith(property, { case: "startsWith", value: condition.text });
    case "present":
      return matchWith(property, { case: "present", value: true });
  }
}

function matchWith(property: string, condition: Match["condition"]): Match {
  return create(MatchSchema, { property, condition });
}
