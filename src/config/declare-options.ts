/** Options as commander has them, each declared once: the type of its value follows from its declaration. */
import {
  type Command,
  CommanderError,
  type CommandUnknownOpts,
  type InferOptions,
  InvalidArgumentError,
  Option,
  type OptionValues,
} from "@commander-js/extra-typings";
import { invisible } from "./invisible.ts";

export type Options = Readonly<Record<string, AnyOption>>;
type AnyOption = Option<string, unknown, unknown, unknown, boolean, unknown>;
/** An option that has a variable takes a value, which the variable holds. */
type TakingValues<Declared extends Options> = {
  readonly [Name in keyof Declared]: Declared[Name] extends Option<
    infer Flags,
    infer _,
    infer _,
    infer _,
    infer _,
    infer _
  >
    ? Flags extends `${string} ${string}`
      ? Declared[Name]
      : never
    : never;
};

/** What extra-typings infers from one option: an object with its value. */
type Inferred<Declared> =
  Declared extends Option<infer Flags, infer Preset, infer Default, infer Parsed, infer Mandatory, infer Choice>
    ? InferOptions<Record<never, never>, Flags, Default, Parsed, Mandatory, Preset, Choice>
    : never;

/** The options' values under their flags' names in camel case; undefined for one that is not given and has no default. */
export type ValuesOf<Declared extends Options> = {
  readonly [Key in keyof Declared as keyof Inferred<Declared[Key]>]: Inferred<Declared[Key]>[keyof Inferred<
    Declared[Key]
  >];
};

/** The values of options that need not all be there. */
export type SomeValuesOf<Declared extends Options> = {
  readonly [Name in keyof ValuesOf<Declared>]?: ValuesOf<Declared>[Name] | undefined;
};

/**
 * A server that lacks this option opens another store, or asks callers for less. An empty variable is refused: the secret that
 * should fill it may be missing.
 */
export class GuardingOption<Flags extends string> extends Option<Flags> {}

/** Puts options under a heading of their own in `--help`. */
export function groupOptions<Declared extends Options>(heading: string, options: Declared): Declared {
  for (const option of Object.values(options)) option.helpGroup(heading);
  return options;
}

/**
 * Gives each option its variable. Values are read without the spaces and line breaks that shells, files and secrets leave
 * around them. A refused value is not printed where it may be a secret.
 */
export function declareOptions<Declared extends Options>(
  heading: string,
  options: Declared & TakingValues<Declared>,
): Declared {
  for (const option of Object.values(options)) complete(option);
  return groupOptions(heading, options);
}

function complete(option: AnyOption): void {
  const variable = `ROLLCALL_${option.name().replaceAll("-", "_").toUpperCase()}`;
  const { parseArg } = option;
  const parse = (value: string, previous: unknown) => {
    const text = value.trim();
    const refuse = (reason: string) => {
      const message = `--${option.name()} (or ${variable}) is invalid. ${reason}`;
      return new CommanderError(1, "rollcall.invalidArgument", message);
    };
    if (invisible.test(text)) throw refuse("It has a line break or another invisible character inside.");
    if (parseArg === undefined && text === "") throw refuse("It is empty.");
    if (parseArg === undefined) return text;
    try {
      return parseArg(text, previous);
    } catch (error) {
      // Commander prints the value with it.
      if (error instanceof InvalidArgumentError) throw error;
      throw refuse(error instanceof Error ? error.message : String(error));
    }
  };
  option.env(variable).argParser(parse);
}

/** Adds options to a command, whose values then have their types. Commander keeps only names: here the types are stated. */
export function addOptions<Args extends unknown[], Others extends OptionValues, Declared extends Options>(
  command: Command<Args, Others>,
  options: Declared,
): Command<Args, Others & ValuesOf<Declared>>;
export function addOptions(command: CommandUnknownOpts, options: Options): CommandUnknownOpts {
  for (const option of Object.values(options)) command.addOption(option);
  return command;
}

/** Treats an empty variable as unset, unless the option takes an empty value or has to refuse it. */
export function dropEmptyVariables(options: readonly AnyOption[], env: Record<string, string | undefined>): void {
  for (const option of options) {
    const { envVar } = option;
    if (envVar === undefined || env[envVar]?.trim() !== "") continue;
    if (!(option instanceof GuardingOption || takesEmpty(option))) delete env[envVar];
  }
}

function takesEmpty({ parseArg }: AnyOption): boolean {
  try {
    parseArg?.("", undefined);
    return true;
  } catch {
    return false;
  }
}

/** Lets commander print the option, and where its value came from, before what is wrong with the value. */
export function checked<Value>(parse: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
    }
  };
}
