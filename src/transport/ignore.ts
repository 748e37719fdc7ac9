/** For errors of a stream or a connection that closes anyway (without a listener they end the process), and for data to drop. */
export function ignore(): void {}
