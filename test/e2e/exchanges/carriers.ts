/** How exchanges are carried: each client and protocol is a Connect `Transport`, so that a call is written once for all. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { errorFromJson } from "@connectrpc/connect/protocol-connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { createGrpcJsTransport } from "./grpc-js.ts";

export interface Carrier {
  readonly name: string;
  readonly connect: (baseUrl: string) => Transport;
  /** `own`: bytes that are made without the server's code. */
  readonly form: "binary" | "json" | "own";
  /** Streams need HTTP/2. */
  readonly httpVersion: "1.1" | "2";
  /** Starts a process for each call. */
  readonly isSlow?: boolean;
}

/** Who carries an exchange: every client that needs no process for each call, unless the exchange says otherwise. */
export type By = (carrier: Carrier) => boolean;
export const everyClient: By = () => true;
export const quickClients: By = ({ isSlow }) => isSlow !== true;
export const streams: By = ({ httpVersion, isSlow }) => httpVersion === "2" && isSlow !== true;

/** For what takes long: one client of each kind. */
export const oneOfEach: By = ({ name }) =>
  /^(gRPC|gRPC, compressed|grpc-js|gRPC-Web, HTTP.2|Connect json, HTTP.1.1|plain JSON)$/.test(name);

const form = "binary";
const gzip = { sendCompression: compressionGzip, compressMinBytes: 0 };
const versions = ["1.1", "2"] as const;

export const carriers: readonly Carrier[] = [
  { name: "gRPC", form, httpVersion: "2", connect: (baseUrl) => createGrpcTransport({ baseUrl }) },
  { name: "gRPC, compressed", form, httpVersion: "2", connect: (baseUrl) => createGrpcTransport({ baseUrl, ...gzip }) },
  ...["", ", compressed"].map(
    (compressed): Carrier => ({
      ...{ name: `grpc-js${compressed}`, form: "own", httpVersion: "2" },
      connect: (baseUrl) => createGrpcJsTransport(baseUrl, compressed !== ""),
    }),
  ),
  ...versions.flatMap((httpVersion): Carrier[] => [
    {
      ...{ name: `gRPC-Web, HTTP/${httpVersion}`, form, httpVersion },
      connect: (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion }),
    },
    ...(["binary", "json"] as const).flatMap((form) =>
      [gzip, { acceptCompression: [] }].map(
        (how): Carrier => ({
          name: `Connect ${form}, HTTP/${httpVersion}${how === gzip ? ", compressed" : ""}`,
          ...{ form, httpVersion },
          connect: (baseUrl) =>
            createConnectTransport({ baseUrl, httpVersion, useBinaryFormat: form === "binary", ...how }),
        }),
      ),
    ),
  ]),
  {
    ...{ name: "Connect GET", form, httpVersion: "1.1" },
    connect: (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true }),
  },
  { name: "plain JSON", form: "json", httpVersion: "1.1", connect: (baseUrl) => createJsonTransport(baseUrl, post) },
  ...["grpc", "grpcweb", "connect"].map(
    (protocol): Carrier => ({
      ...{ name: `buf curl, ${protocol}`, form: "json", httpVersion: "2", isSlow: true },
      connect: (baseUrl) =>
        createJsonTransport(baseUrl, async (url, body) =>
          bufCurl("--protocol", protocol, "-d", body, url).then(
            (text) => ({ ok: true, text }),
            ({ stderr }) => ({ ok: false, text: String(stderr) }),
          ),
        ),
    }),
  ),
];

const run = promisify(execFile);
const buf = new URL("../../../node_modules/.bin/buf", import.meta.url).pathname;

/** It learns the contract from the server, by reflection. */
export async function bufCurl(...args: readonly string[]): Promise<string> {
  return (await run(buf, ["curl", "--http2-prior-knowledge", ...args])).stdout;
}

/** Sends a body in JSON. */
type Send = (url: string, body: string, headers: Headers) => Promise<{ readonly ok: boolean; readonly text: string }>;

const post: Send = async (url, body, headers) => {
  headers.set("content-type", "application/json");
  const answer = await fetch(url, { method: "POST", headers, body });
  return { ok: answer.ok, text: await answer.text() };
};

/** A client that has only JSON. */
function createJsonTransport(baseUrl: string, send: Send): Transport {
  return {
    async unary(method, _signal, _timeoutMs, header, input) {
      const url = `${baseUrl}/${method.parent.typeName}/${method.name}`;
      const { ok, text } = await send(
        url,
        toJsonString(method.input, create(method.input, input)),
        new Headers(header),
      );
      if (!ok) throw errorFromJson(JSON.parse(text), undefined, new ConnectError(text));
      const rest = { service: method.parent, method, header: new Headers(), trailer: new Headers() };
      return { stream: false, ...rest, message: fromJsonString(method.output, text) };
    },
    async stream() {
      throw new ConnectError("streams need HTTP/2", Code.Unimplemented);
    },
  };
}
