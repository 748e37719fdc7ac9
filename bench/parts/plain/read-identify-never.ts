/** `src/rpc/messages/read-identify.ts` that leaves every request to the general reader. */

export function readIdAlone(): undefined {}

export function readIdentifyRequest(): undefined {}

export function readBatchIdentifyRequest(): undefined {}
