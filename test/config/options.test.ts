import { Command, type Option } from "commander";
import { afterEach, describe, expect, test, vi } from "vitest";
import { clientOptions, serveOptions } from "../../src/config/options.ts";
import { describeStoreLocation, parseStoreLocation } from "../../src/config/store-url.ts";

/** The value of an option, or what the command would print. */
function parse(option: Option, args: readonly string[]): unknown {
  const command = new Command()
    .addOption(option)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  try {
    return command.parse(args, { from: "user" }).opts()[option.attributeName()];
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
}

afterEach(() => vi.unstubAllEnvs());

describe("--listen", () => {
  test.each([
    ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
    ["[::1]:50051", { host: "::1", port: 50_051 }],
    ["localhost:65535", { host: "localhost", port: 65_535 }],
  ])("takes %s", (text, address) => {
    expect(parse(serveOptions.listen(), ["--listen", text])).toEqual(address);
  });

  test.each(["", "localhost", ":50051", "host:", "host:65536", "::1:50051", "host:1x"])("refuses %j", (text) => {
    expect(parse(serveOptions.listen(), ["--listen", text])).toMatch(
      /option '--listen <host:port>'.*Expected HOST:PORT/s,
    );
  });
});

describe("--store", () => {
  test.each([
    ["sqlite:a/b.db", { kind: "sqlite", path: "a/b.db" }],
    ["redis://localhost", { kind: "redis", url: "redis://localhost" }],
    ["redis://u:p@h:6380/2", { kind: "redis", url: "redis://u:p@h:6380/2" }],
  ])("takes %s", (text, location) => {
    expect(parse(serveOptions.store(), ["--store", text])).toEqual(location);
  });

  test.each(["", "sqlite:", "redis:", "redis://", "redis://h/x", "mysql://h", "a.db"])("refuses %j", (text) => {
    expect(parse(serveOptions.store(), ["--store", text])).toMatch(/option '--store <url>'.*Expected/s);
  });

  test("is described without its credentials", () => {
    expect(describeStoreLocation(parseStoreLocation("redis://user:secret@h:6380/2"))).toBe("redis://h:6380/2");
    expect(describeStoreLocation(parseStoreLocation("redis://h"))).toBe("redis://h");
    expect(describeStoreLocation(parseStoreLocation("sqlite:x.db"))).toBe("sqlite:x.db");
  });
});

describe("--required-properties", () => {
  test.each([
    ["name,email", ["name", "email"]],
    [" a , b,a", ["a", "b"]],
    ["", []],
  ])("takes %j", (text, names) => {
    expect(parse(serveOptions.requiredProperties(), ["--required-properties", text])).toEqual(names);
  });

  test.each(["a,,b", "n".repeat(129)])("refuses %j", (text) => {
    expect(parse(serveOptions.requiredProperties(), ["--required-properties", text])).toMatch(/--required-properties/);
  });
});

test("a value from the environment is refused with the variable's name", () => {
  vi.stubEnv("ROLLCALL_DRAIN_TIMEOUT", "soon");
  expect(parse(serveOptions.drainTimeout(), [])).toMatch(/--drain-timeout.*from env 'ROLLCALL_DRAIN_TIMEOUT'/);
});

test("a flag comes before the environment, and that before the default", () => {
  expect(parse(clientOptions.server(), [])).toBe("http://127.0.0.1:50051");
  vi.stubEnv("ROLLCALL_SERVER", "http://from-environment:1/");
  expect(parse(clientOptions.server(), [])).toBe("http://from-environment:1");
  expect(parse(clientOptions.server(), ["--server", "https://from-flag"])).toBe("https://from-flag");
});

test("every option names its environment variable", () => {
  for (const make of [...Object.values(serveOptions), ...Object.values(clientOptions)]) {
    const option = make();
    expect(option.envVar).toBe(`ROLLCALL_${option.name().replaceAll("-", "_").toUpperCase()}`);
  }
});
