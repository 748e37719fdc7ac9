/** Listens to the errors of a stream or a connection whose close tells enough. Without a listener they would end the process. */
export function ignore(): void {}
