/** Under which everything is measured. */

/** As an import would send them: few connections, a few messages ahead of the answers. */
export const batchShape = { connections: 2, perMessage: 500, messagesInFlight: 3 } as const;
/** Recommended for users of this size. */
export const redisArgs = ["--hash-max-listpack-value", "1024"];
/** As `npm start` has them. */
export const nodeFlags = ["--max-semi-space-size=24"];
