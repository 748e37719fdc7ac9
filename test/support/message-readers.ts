/** What the tests of readers share: damaged messages, a reading without limits, and what a reading comes to. */
import fc from "fast-check";

/** For readers of JSON. */
export const noLimits = { reserve: () => {}, weigh: () => {} };

/** Bytes that are nearly a message: some changed, left out, put in, or repeated. */
type Damage = { at: number; kind: "change" | "remove" | "insert" | "cut" | "repeat"; byte: number }[];

export const damage: fc.Arbitrary<Damage> = fc.array(
  fc.record({
    at: fc.nat(),
    kind: fc.constantFrom("change", "remove", "insert", "cut", "repeat"),
    byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x38, 0x3a, 0x80)),
  }),
  { maxLength: 4 },
);

export function damaged(bytes: Uint8Array, changes: Damage): Uint8Array {
  return changes.reduce<Uint8Array>((now, { at, kind, byte }) => {
    const place = now.length === 0 ? 0 : at % now.length;
    const [before, after] = [now.subarray(0, place), now.subarray(place)];
    switch (kind) {
      case "change":
        return Buffer.concat([before, Buffer.of(byte), after.subarray(1)]);
      case "remove":
        return Buffer.concat([before, after.subarray(1)]);
      case "insert":
        return Buffer.concat([before, Buffer.of(byte), after]);
      case "cut":
        return before;
      default:
        return Buffer.concat([now, now]);
    }
  }, bytes);
}

/** What a reading comes to, in a form that can be compared: without what protobuf-es adds, bytes as hexadecimal text. */
export function outcomeOf(read: () => object): unknown {
  try {
    return plain(read());
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : error}`;
  }
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([name, field]) => !name.startsWith("$") && field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]));
}
