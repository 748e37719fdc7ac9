/** Where the server does other than the suite expects, and why that stays so. Whatever else a case complains of fails it. */
export interface KnownDifference {
  readonly why: string;
  /** What a case is called. */
  readonly cases: RegExp;
  /** What the suite complains of. */
  readonly complaints: readonly string[];
}

export const knownDifferences: readonly KnownDifference[] = [
  {
    why: "An error that the server itself raises carries a google.rpc.ErrorInfo, as the contract promises; the suite expects no details",
    cases:
      /^(Server Message Size|Timeouts|gRPC Unexpected Requests|gRPC-Web Unexpected Requests|Connect Unexpected Requests)\//,
    complaints: [
      "actual error contain 1 details; expecting 0",
      'connect error JSON: details[0]: could not check debug data because message type "google.rpc.ErrorInfo" could not be resolved: proto: not found',
    ],
  },
  {
    why: "gRPC straight on HTTP/2 answers an error before any message with trailers alone, where grpc-go takes all metadata for trailers; no handler of the server sends metadata",
    cases: /\/Protocol:PROTOCOL_GRPC\/.*\/\(grpc client impl\)\/bidi-stream\/.*error-/,
    complaints: ['actual response headers missing "x-custom-header"'],
  },
];
