/**
 * Rejects if `promise` does not settle in time. Its later outcome is ignored.
 *
 * An event loop that was blocked runs timers before it reads sockets. So what has arrived in time is read before this rejects.
 */
export function within<Result>(timeoutMs: number, promise: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const rejectLate = () => reject(new Error(`no answer within ${Math.round(timeoutMs)} ms`));
    const timer = setTimeout(() => setImmediate(rejectLate), timeoutMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
