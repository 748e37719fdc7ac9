/** Requests for distinct users with changing values: templates in which digits are replaced. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  FindUsersRequestSchema,
  GetUserRequestSchema,
  IdentifyRequestSchema,
} from "../../gen/es/rollcall/v1/user_service_pb.js";

const digits = 8;
const userMark = "00000000";
const valueMark = "99999999";
const prefixBytes = 5;

/** One message that is sent many times, each time for other users. */
export interface RequestTemplate {
  /**
   * @param item the index of the item in the message
   * @param user the number of the user, below 10^8
   * @param value of the property that changes; below 10^8
   */
  set(item: number, user: number, value: number): void;
  /** A copy of the message, with gRPC's prefix. */
  copy(): Buffer;
}

/** An Identify with eight properties, in the order in which a service would name them. */
export function identifyTemplate(): RequestTemplate {
  return template(identifyBytes(), 1);
}

/** An Identify with `properties` properties, of which one changes. */
export function numberedTemplate(properties: number): RequestTemplate {
  return template(numberedBytes(properties), 1);
}

export function getUserTemplate(): RequestTemplate {
  return template(
    Buffer.from(toBinary(GetUserRequestSchema, create(GetUserRequestSchema, { id: userId(userMark) }))),
    1,
  );
}

/** A FindUsers by the e-mail address that `identifyTemplate` gives a user. */
export function findUsersTemplate(): RequestTemplate {
  const request = create(FindUsersRequestSchema, {
    match: {
      property: "email",
      condition: {
        case: "equals",
        value: create(ValueSchema, { kind: { case: "stringValue", value: emailOf(userMark) } }),
      },
    },
  });
  return template(Buffer.from(toBinary(FindUsersRequestSchema, request)), 1);
}

/**
 * A BatchIdentify message with `count` items.
 *
 * @param properties how many each item has; without it, eight as above
 */
export function batchTemplate(count: number, properties?: number): RequestTemplate {
  const item = properties === undefined ? identifyBytes() : numberedBytes(properties);
  const field = Buffer.concat([Buffer.of(0x0a), varint(item.length), item]);
  return template(Buffer.concat(new Array(count).fill(field)), count);
}

function identifyBytes(): Buffer {
  const request = create(IdentifyRequestSchema, {
    id: userId(userMark),
    properties: {
      name: `Ada Lovelace ${userMark}`,
      email: emailOf(userMark),
      plan: "enterprise",
      country: "PT",
      company: { name: "Analytical Engines Ltd", size: 120 },
      login_count: 42,
      newsletter: true,
      last_seen: `2026-11-25 ${valueMark}`,
    },
  });
  return Buffer.from(toBinary(IdentifyRequestSchema, request));
}

function numberedBytes(count: number): Buffer {
  const texts = Array.from({ length: count }, (_, at) => [`property_${at}`, `value ${at === 0 ? valueMark : at}`]);
  const request = create(IdentifyRequestSchema, { id: userId(userMark), properties: Object.fromEntries(texts) });
  return Buffer.from(toBinary(IdentifyRequestSchema, request));
}

function emailOf(number: string): string {
  return `ada.${number}@example.com`;
}

function userId(number: string): string {
  return `customer-${number}`;
}

function template(message: Buffer, items: number): RequestTemplate {
  const bytes = Buffer.alloc(prefixBytes + message.length);
  bytes.writeUInt32BE(message.length, 1);
  message.copy(bytes, prefixBytes);
  const itemBytes = message.length / items;
  const firstItem = bytes.subarray(prefixBytes, prefixBytes + itemBytes);
  const users = positionsOf(firstItem, userMark);
  const values = positionsOf(firstItem, valueMark);
  return {
    set(item, user, value) {
      const start = prefixBytes + item * itemBytes;
      for (const position of users) writeDigits(bytes, start + position, user);
      for (const position of values) writeDigits(bytes, start + position, value);
    },
    copy: () => Buffer.from(bytes),
  };
}

function positionsOf(bytes: Buffer, mark: string): number[] {
  const positions: number[] = [];
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) positions.push(at);
  return positions;
}

function writeDigits(bytes: Buffer, at: number, number: number): void {
  let rest = number;
  for (let place = digits - 1; place >= 0; place--) {
    bytes[at + place] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.of(...bytes, value >>> (7 * bytes.length));
}
