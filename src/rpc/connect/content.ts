import type { Encoding } from "../messages/request-reader.ts";

/** What a request's content type says of it; or, for a Connect GET, which has none, its query. */
export interface Content {
  /** Empty where there is none. */
  readonly type: string;
  readonly protocol: "grpc" | "grpc-web" | "connect";
  readonly encoding: Encoding;
  /** Whether each message has a prefix: gRPC's, gRPC-Web's, and those of Connect's streams do. */
  readonly isEnveloped: boolean;
}

export function contentOf(type: string | undefined, query: string): Content {
  if (type === undefined) {
    const encoding = new URLSearchParams(query).get("encoding") === "json" ? "json" : "binary";
    return { type: "", protocol: "connect", encoding, isEnveloped: false };
  }
  const [, family = "", isJson] = /^application\/(grpc-web|grpc|connect(?=\+))?\+?(json\b)?/i.exec(type) ?? [];
  const name = family.toLowerCase();
  return {
    type,
    protocol: name === "grpc" || name === "grpc-web" ? name : "connect",
    encoding: isJson === undefined ? "binary" : "json",
    isEnveloped: name !== "",
  };
}
