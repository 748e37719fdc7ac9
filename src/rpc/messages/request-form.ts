/**
 * How to read a method's request, derived from two descriptions of the same bytes: the contract's message, and the server's view
 * of it (src/rpc/proto), which keeps Structs, ids and names as bytes.
 */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { StructSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { invalidRequest, limitExceeded } from "../../users/errors.ts";
import { type LimitName, limits } from "../../users/limits.ts";

/** How to read one field. */
export type FieldForm = {
  /** Its name in the contract, for errors. */
  readonly name: string;
  /** Its name in the server's message. */
  readonly localName: string;
} & (
  | { /** A google.protobuf.Struct, as pieces of its bytes. */ readonly kind: "struct" }
  | { /** A google.protobuf.Value, as pieces of its bytes. */ readonly kind: "value" }
  | { /** A string, as its bytes. */ readonly kind: "text" }
  | { /** Strings, each as its bytes. */ readonly kind: "texts"; readonly max: number }
  | { /** A message with a form of its own. */ readonly kind: "message"; readonly form: RequestForm }
  | {
      /** Messages with a form of their own. */ readonly kind: "messages";
      readonly form: RequestForm;
      readonly max: number;
    }
  | {
      /** Any other field: protobuf-es reads it, and the last value counts. */ readonly kind: "plain";
      readonly field: DescField;
    }
);

export interface RequestForm<Wire extends DescMessage = DescMessage> {
  readonly contract: DescMessage;
  readonly wire: Wire;
  readonly byNumber: ReadonlyMap<number, FieldForm>;
  /** By both names that JSON may use: `only_properties` and `onlyProperties`. */
  readonly byJsonName: ReadonlyMap<string, FieldForm>;
}

/**
 * The limits of a message's lists at any depth, by their names in the contract. A longer list is not read, and only its length is
 * known.
 */
export type ListLimits = Readonly<Record<string, LimitName>>;

/** A list beyond its limit: only its length matters. */
export function overlongList<Entry>(length: number, entry: Entry): Entry[] {
  return new Array<Entry>(length).fill(entry);
}

/** Counts the names in all messages of one list, as they are read. */
export class NameCount {
  readonly #field: FieldForm & { readonly kind: "messages" };
  #names = 0;

  constructor(field: FieldForm & { readonly kind: "messages" }) {
    this.#field = field;
  }

  /**
   * @param message one of the list
   * @throws UserError LIMIT_EXCEEDED
   */
  add(message: Readonly<Record<string, unknown>>): void {
    for (const { kind, localName } of this.#field.form.byNumber.values()) {
      const list = kind === "texts" ? message[localName] : undefined;
      if (Array.isArray(list)) this.#names += list.length;
    }
    if (this.#names <= limits.maxBatchNames) return;
    throw invalidRequest([limitExceeded(this.#field.name, "maxBatchNames", this.#names, "names", "hold")]);
  }
}

/**
 * @throws Error for a list without a limit, a field that the server's view lacks, and a field that the readers cannot read whole
 */
export function formOf<Wire extends DescMessage>(
  contract: DescMessage,
  wire: Wire,
  lists: ListLimits,
): RequestForm<Wire> {
  const byNumber = new Map<number, FieldForm>();
  const byJsonName = new Map<string, FieldForm>();
  for (const field of contract.fields) {
    const view = wire.fields.find(({ number }) => number === field.number);
    if (view === undefined) throw new Error(`${wire.typeName} lacks the field ${field.name}`);
    const form = fieldForm(field, view, lists);
    if (view.oneof !== undefined && form.kind !== "plain") throw inOneof(field);
    byNumber.set(field.number, form);
    byJsonName.set(field.name, form).set(field.jsonName, form);
  }
  return { contract, wire, byNumber, byJsonName };
}

function fieldForm(field: DescField, view: DescField, lists: ListLimits): FieldForm {
  const names = { name: field.name, localName: view.localName };
  if (field.fieldKind === "message") {
    if (field.message.typeName === StructSchema.typeName) return { ...names, kind: "struct" };
    if (field.message.typeName === ValueSchema.typeName) return { ...names, kind: "value" };
    if (view.fieldKind === "message" && field.message !== view.message) {
      return { ...names, kind: "message", form: formOf(field.message, view.message, lists) };
    }
  }
  if (field.fieldKind !== "list") {
    checkPlain(view);
    const isText = field.scalar !== view.scalar;
    return isText ? { ...names, kind: "text" } : { ...names, kind: "plain", field: view };
  }
  const limit = lists[field.name];
  if (limit === undefined) throw new Error(`no limit is declared for ${nameOf(field)}`);
  const max = limits[limit];
  if (field.message === undefined) return { ...names, kind: "texts", max };
  if (view.message === undefined) throw new Error(`${view.toString()} is not a list of messages`);
  return { ...names, kind: "messages", form: formOf(field.message, view.message, lists), max };
}

/**
 * The last value of a plain field counts, which would lose the other entries of a list. Messages are written after all other
 * fields, which would change their order in a oneof.
 *
 * @throws Error naming a field at any depth that cannot be read so
 */
function checkPlain(field: DescField, within: readonly DescMessage[] = []): void {
  if (field.fieldKind === "list" || field.fieldKind === "map") {
    throw new Error(`${nameOf(field)} is a ${field.fieldKind}: only its last entry would be read`);
  }
  if (field.fieldKind !== "message") return;
  if (field.oneof !== undefined) throw inOneof(field);
  if (within.includes(field.message)) return;
  for (const below of field.message.fields) checkPlain(below, [...within, field.message]);
}

function inOneof(field: DescField): Error {
  return new Error(`${nameOf(field)} cannot be in a oneof: it is read apart from the oneof's other fields`);
}

function nameOf({ parent, name }: DescField): string {
  return `${parent.typeName}.${name}`;
}
