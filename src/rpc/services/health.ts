/** grpc.health.v1: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
import { EventEmitter, once } from "node:events";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from "#gen-server/health/v1/health_pb.js";

/** Whether the server serves. It does not until `setServing` is called. */
export class Health {
  #serving = false;
  readonly #changes = new EventEmitter().setMaxListeners(0);

  get serving(): boolean {
    return this.#serving;
  }

  setServing(serving: boolean): void {
    if (serving === this.#serving) return;
    this.#serving = serving;
    this.#changes.emit("change");
  }

  /** Resolves at the next change, or when the signal aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    await once(this.#changes, "change", { signal }).catch(() => {});
  }
}

/**
 * @param services names of the services that share this health; the empty name stands for the whole server
 * @param stop ends every Watch with its reason when it aborts
 */
export function healthRoutes(
  health: Health,
  services: readonly string[],
  stop: AbortSignal,
): (router: ConnectRouter) => void {
  const known = new Set(["", ...services]);
  const status = () => (health.serving ? Status.SERVING : Status.NOT_SERVING);
  return (router) => {
    router.service(HealthService, {
      check({ service }) {
        if (!known.has(service)) throw new ConnectError("there is no such service", Code.NotFound);
        return { status: status() };
      },

      async *watch({ service }, context) {
        const signal = AbortSignal.any([context.signal, stop]);
        let sent: Status | undefined;
        for (;;) {
          const now = known.has(service) ? status() : Status.SERVICE_UNKNOWN;
          if (now !== sent) {
            yield { status: now };
            sent = now;
            // The status may have changed while it was being sent.
            continue;
          }
          if (signal.aborted) throw signal.reason;
          await health.changed(signal);
        }
      },

      list: () => ({ statuses: Object.fromEntries([...known].map((service) => [service, { status: status() }])) }),
    });
  };
}
