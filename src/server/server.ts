/** The composition root: makes every part of the service and joins them. */

import { setMaxListeners } from "node:events";
import { file_google_rpc_error_details } from "#gen/google/rpc/error_details_pb.js";
import { file_rollcall_v1_errors } from "#gen/rollcall/v1/errors_pb.js";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionV1Alpha } from "#gen-server/grpc/reflection/v1alpha/reflection_pb.js";
import { Health as HealthService } from "#gen-server/health/v1/health_pb.js";
import type { Address } from "../config/address.ts";
import type { SomeValuesOf, ValuesOf } from "../config/declare-options.ts";
import type { serveOptions } from "../config/options.ts";
import { defaultServerLimits, type ServerLimits } from "../config/server-limits.ts";
import { describeStoreLocation } from "../config/store-url.ts";
import { version } from "../config/version.ts";
import { userRoutes } from "../rpc/connect/mount.ts";
import { createDisclosure } from "../rpc/disclosure.ts";
import { describeError } from "../rpc/errors.ts";
import { grpcUserMethods } from "../rpc/grpc/mount.ts";
import { Semaphore } from "../rpc/guard/semaphore.ts";
import { Turns } from "../rpc/guard/turns.ts";
import { contractErrors } from "../rpc/restated-errors.ts";
import { Health, healthRoutes } from "../rpc/services/health.ts";
import { reflectionRoutes } from "../rpc/services/reflection.ts";
import { createUserHandlers } from "../rpc/user-handlers.ts";
import { userMethodsByPath } from "../rpc/user-methods.ts";
import type { StoreAdapter } from "../store/adapter.ts";
import type { StoreAdministration } from "../store/administration.ts";
import { tellingDamaged } from "../store/damaged-records.ts";
import { coalesce } from "../store/lanes/coalescing-store.ts";
import { measured, type StoreSystem, traced } from "../store/observed-store.ts";
import { describeFailure } from "../telemetry/failure-log.ts";
import type { Logger } from "../telemetry/logger.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { observeRequests } from "../telemetry/requests.ts";
import { noTelemetry, type Telemetry } from "../telemetry/telemetry.ts";
import { damagedParts } from "../users/damaged.ts";
import { draining } from "../users/errors.ts";
import { createEtagSource } from "../users/etag.ts";
import { UnknownFeaturesError } from "../users/features.ts";
import { requiredProperties } from "../users/identify.ts";
import { createUserRegistry } from "../users/registry.ts";
import { type Access, type AccessSettings, openAccess } from "./access.ts";
import { createDamageLog } from "./damage-log.ts";
import { expectIndexes, OlderServersError } from "./expected-indexes.ts";
import { measureIndexes } from "./index-metrics.ts";
import { openAdministration, openStore, type RedisSettings } from "./open-store.ts";
import { watchReadiness } from "./readiness.ts";
import { serveRpc } from "./serve-rpc.ts";
import { createStoreWarnings } from "./store-warnings.ts";
import { startSweeper } from "./sweeper.ts";

export interface ServerOptions
  extends RedisSettings,
    AccessSettings,
    ValuesOf<Pick<typeof serveOptions, "listen" | "store" | "requiredProperties">>,
    SomeValuesOf<Pick<typeof serveOptions, "indexes" | "reflection" | "trustedProxies" | "http2">> {
  /** How long a drain waits for calls that are under way. */
  readonly drainTimeoutMs: number;
  readonly limits?: Partial<ServerLimits> | undefined;
  readonly telemetry?: Telemetry | undefined;
  /** The share of requests that are logged, from 0 to 1. */
  readonly accessLogShare?: number | undefined;
  readonly logger: Logger;
}

export interface RunningServer {
  /** Where it listens; the port is the real one where port 0 was asked for. */
  readonly address: Address;
  /** Whether calls are served, as grpc.health.v1 says. */
  readonly serving: boolean;
  /**
   * Stops: health turns NOT_SERVING, no connection is accepted, streams are answered up to what they have sent and end
   * with UNAVAILABLE, calls that are under way finish within the drain timeout, then the store is closed.
   */
  drain(): Promise<void>;
}

/** @throws Error if the store cannot be opened or the address is not free */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { listen: address, store, logger } = options;
  const access = await openAccess(address, options, logger);
  const cannotOpen = (error: unknown) => {
    const reason = error instanceof Error ? error.message : error;
    return new Error(`cannot open --store ${describeStoreLocation(store)}: ${reason}`, { cause: error });
  };
  const adapter = await openStore(store, options, logger).catch((error: unknown) => {
    access.close();
    throw cannotOpen(error);
  });
  const administer = () => openAdministration(store, options, logger);
  return startServerOver(adapter, { ...options, storeSystem: store.kind, administer }, access).catch(
    (error: unknown) => {
      throw error instanceof UnknownFeaturesError || error instanceof OlderServersError ? cannotOpen(error) : error;
    },
  );
}

type OverStoreOptions = Omit<ServerOptions, "store" | keyof RedisSettings | keyof AccessSettings> & {
  readonly storeSystem: StoreSystem;
  /** Opens the store to change its configuration. Without it, nothing sees to `indexes`. */
  readonly administer?: (() => Promise<StoreAdministration>) | undefined;
};

/**
 * @param opened is closed in the end, as is `access`, also where this throws
 * @throws Error if the address is not free; UnknownFeaturesError, OlderServersError
 */
export async function startServerOver(
  opened: StoreAdapter,
  options: OverStoreOptions,
  access?: Access,
): Promise<RunningServer> {
  const closing = new AsyncDisposableStack();
  let closed: Promise<void> | undefined;
  const closedOnce = { ...opened, close: () => (closed ??= opened.close()) };
  closing.defer(() => closedOnce.close());
  closing.defer(() => access?.close());
  try {
    return await serveStore(closedOnce, options, access, closing);
  } catch (error) {
    await closing.disposeAsync();
    throw error;
  }
}

/** @param closing takes what is to be closed in the end, the last of it first */
async function serveStore(
  opened: StoreAdapter,
  options: OverStoreOptions,
  access: Access | undefined,
  closing: AsyncDisposableStack,
): Promise<RunningServer> {
  const { logger, storeSystem, telemetry = noTelemetry } = options;
  const { tracer } = telemetry;
  const limits = { ...defaultServerLimits, ...options.limits };
  const metrics = telemetry.meters.length === 0 ? undefined : new Metrics(telemetry.meters);
  closing.defer(() => metrics?.close());
  for (const { name, options: about, read } of opened.gauges ?? []) metrics?.gauge(name, about, () => [[{}, read()]]);
  for (const { name, options: about, read } of opened.counters ?? []) metrics?.counter(name, about, read);
  // From 0 on, so that the first record that is found shows as an increase.
  for (const part of damagedParts) metrics?.damagedRecords(part, 0);
  const logDamage = createDamageLog(logger);
  const telling = tellingDamaged(opened, (part, count) => {
    metrics?.damagedRecords(part, count);
    logDamage(part, count);
  });
  const coalesced = coalesce(
    metrics === undefined
      ? telling
      : measured(telling, (operation, seconds, error) => metrics.storeCall(storeSystem, operation, seconds, error)),
    limits.maxWaitingBytes,
  );
  const store = tracer === undefined ? coalesced : traced(coalesced, tracer, storeSystem);
  // It waits for what is under way.
  closing.defer(() => store.close());
  const drain = new AbortController();
  // Every stream listens to it.
  setMaxListeners(0, drain.signal);

  const registry = createUserRegistry({
    store,
    required: requiredProperties(options.requiredProperties),
    drawEtag: createEtagSource(),
  });
  const batchWork = new Semaphore(limits.maxBatchWorkBytes);
  const turns = new Turns();
  const handlers = createUserHandlers({
    registry,
    version: version(),
    disclosure: createDisclosure(access?.writeOnlyAnswers ?? "applied"),
    batchWork,
    reads: new Semaphore(limits.maxReadBytes),
    turns,
    onBatchItems: metrics && ((outcome, count) => metrics.batchItems(outcome, count)),
  });
  const workGauge = { description: "Messages of BatchIdentify and IdentifyUsers that are worked on.", unit: "By" };
  metrics?.gauge("rollcall.batch.work", workGauge, () => [[{}, batchWork.used]]);
  const waitingGauge = { description: "Messages of BatchIdentify and IdentifyUsers that wait for memory." };
  metrics?.gauge("rollcall.batch.waiting", waitingGauge, () => [[{}, batchWork.waiting]]);
  const reflection = options.reflection ?? "open";
  const health = new Health();
  const shared = [
    healthRoutes(health, [UserService.typeName], drain.signal),
    ...(reflection === "off"
      ? []
      : [
          reflectionRoutes(
            [UserService, HealthService, ServerReflection, ServerReflectionV1Alpha],
            [file_rollcall_v1_errors, file_google_rpc_error_details],
            turns,
          ),
        ]),
  ];

  const warn = createStoreWarnings(store, logger);
  const readiness = await watchReadiness(store, logger, (ready) => {
    health.setServing(ready);
    warn().catch((error: unknown) => logger.warn(describeFailure(error), "the store cannot be examined"));
  });
  closing.defer(() => readiness.stop());
  const { indexes: expected, administer } = options;
  if (metrics !== undefined) measureIndexes(metrics, store, expected);
  if (expected !== undefined && administer !== undefined) {
    const stopExpecting = await expectIndexes({ store, expected, administer, logger });
    closing.defer(stopExpecting);
  }
  const sweeper = startSweeper(opened.sweep, logger, metrics);
  closing.defer(() => sweeper?.stop());
  const rpc = await serveRpc({
    listen: options.listen,
    grpcMethods: grpcUserMethods(handlers),
    binaryRoutes: [userRoutes(handlers, "binary"), ...shared],
    jsonRoutes: [userRoutes(handlers, "json"), ...shared],
    methods: userMethodsByPath,
    access,
    turns,
    reflectionIsOpen: reflection === "open",
    draining: drain.signal,
    errors: contractErrors,
    limits,
    trustedProxies: options.trustedProxies,
    http2: options.http2,
    observe: observeRequests({ logger, accessLogShare: options.accessLogShare ?? 0, metrics, tracer }),
    metrics,
    logger,
  });

  return {
    address: { host: options.listen.host, port: rpc.port },
    get serving() {
      return health.serving;
    },
    async drain() {
      readiness.stop();
      health.setServing(false);
      drain.abort(describeError(draining()));
      await rpc.drain(options.drainTimeoutMs);
      await closing.disposeAsync();
    },
  };
}
