/** The input of the forms. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Connection } from "./users.ts";

export function readConnection(form: HTMLFormElement): Connection {
  const { text } = fieldsOf(form);
  return {
    server: text("server"),
    token: text("token"),
    protocol: text("protocol") === "grpc-web" ? "grpc-web" : "connect",
    encoding: text("encoding") === "json" ? "json" : "binary",
    timeoutMs: Number(text("timeoutMs")),
  };
}

export interface TypedUser {
  readonly id: string;
  /** @throws Error if it is not a JSON object */
  readonly properties: () => JsonObject;
}

export function readUser(form: HTMLFormElement): TypedUser {
  const { text } = fieldsOf(form);
  return { id: text("id"), properties: () => parseObject(text("properties")) };
}

function fieldsOf(form: HTMLFormElement) {
  const data = new FormData(form);
  return { text: (name: string) => String(data.get(name) ?? "").trim() };
}

function parseObject(json: string): JsonObject {
  const value: unknown = JSON.parse(json);
  if (!isObject(value)) throw new Error("the properties are no JSON object");
  return value;
}

/** JSON.parse makes nothing but JSON values. */
function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
