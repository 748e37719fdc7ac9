/** Where the server does other than the suite expects, and why that stays so. Whatever else a case complains of fails it. */
export interface KnownDifference {
  readonly why: string;
  /** What a case is called. */
  readonly cases: RegExp;
  /** What the suite complains of, in each of them. */
  readonly complaint: string;
  /** What it may complain of beside that. */
  readonly besides: readonly string[];
}

export const knownDifferences: readonly KnownDifference[] = [
  {
    why: "An error that the server itself raises carries a google.rpc.ErrorInfo, as the contract promises; the suite expects no details",
    cases: new RegExp(
      [
        "^Server Message Size/.*-exceeds-server-limit$",
        "^Timeouts/",
        "^(gRPC|gRPC-Web|Connect) Unexpected Requests/.*/(incomplete-message|incomplete-message-prefix|unexpected-compressed-message|unexpected-uri)$",
      ].join("|"),
    ),
    complaint: "actual error contain 1 details; expecting 0",
    besides: [
      'connect error JSON: details[0]: could not check debug data because message type "google.rpc.ErrorInfo" could not be resolved: proto: not found',
    ],
  },
];
