/** The conditions under which everything is measured. */

/** What an import sends: few connections, a few messages ahead of the answers. */
export const batchShape = { connections: 2, perMessage: 500, messagesInFlight: 3 } as const;
/** The settings of Redis that docs/operating.md recommends for users of this size. */
export const redisArgs = ["--hash-max-listpack-value", "1024"];
/** The flags of `npm start`. */
export const nodeFlags = ["--max-semi-space-size=24"];
