/** `src/rpc/messages/write-user.ts` by protobuf-es' `toBinary`. */
import {
  FindUsersResponseSchema,
  GetUserResponseSchema,
  IdentifyResponseSchema,
} from "../../../gen/server/rollcall/server/v1/wire_pb.js";
import type { ToldIdentified } from "../../../src/rpc/disclosure.ts";
import { encodeEnvelope } from "../../../src/rpc/method.ts";
import { identifyMessage, oneUserMessage, pageMessage } from "../../../src/rpc/user-messages.ts";
import type { UserView } from "../../../src/users/reading.ts";
import type { Page } from "../../../src/users/registry.ts";

export function writeOneUser(user: UserView | undefined): Buffer {
  return encodeEnvelope(GetUserResponseSchema, oneUserMessage(user));
}

export function writeIdentified(answer: ToldIdentified): Buffer {
  return encodeEnvelope(IdentifyResponseSchema, identifyMessage(answer));
}

export function writePage(page: Page): Buffer {
  return encodeEnvelope(FindUsersResponseSchema, pageMessage(page));
}
