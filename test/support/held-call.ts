import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";

/** A GetUser that the server has under way, for a user that is not there. */
export interface HeldCall {
  /** Lets the server answer, and returns the HTTP status. Rejects if the call was lost. */
  finish(): Promise<number | undefined>;
  /** Whether the server has ended its connection. */
  readonly lost: () => boolean;
}

/**
 * Begins a call on a connection of its own, and keeps back the end of its request once the server has the beginning.
 *
 * @param ca who signs the server's certificate, in PEM
 */
export async function holdCall(url: string, ca?: Buffer): Promise<HeldCall> {
  const body = '{"id":"nobody"}';
  const headers = { "content-type": "application/json", "content-length": body.length, expect: "100-continue" };
  const request = url.startsWith("https:") ? httpsRequest : httpRequest;
  const call = request(`${url}/rollcall.v1.UserService/GetUser`, { method: "POST", headers, agent: false, ca });
  let lost = false;
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    call.on("response", resolve).on("error", (error) => {
      lost = true;
      reject(error);
    });
  });
  answer.catch(() => {});
  call.flushHeaders();
  await once(call, "continue");
  return {
    async finish() {
      call.end(body);
      const { statusCode } = (await answer).resume();
      return statusCode;
    },
    lost: () => lost,
  };
}
