import { Command, type Option } from "commander";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createProgram } from "../../src/cli/program.ts";
import { dropEmptyVariables } from "../../src/config/declare-options.ts";
import { parseIndexes } from "../../src/config/option-values.ts";
import { clientOptions, serveOptions, unknownVariables } from "../../src/config/options.ts";
import { parseNatMap, reachableAt } from "../../src/config/redis-nat-map.ts";
import type { RedisLocation } from "../../src/config/redis-url.ts";
import { describeStoreLocation, parseStoreLocation } from "../../src/config/store-url.ts";
import { addressMatcher } from "../../src/config/trusted-proxies.ts";

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

const at = (host: string, port: number) => ({ host, port });

function redis(location: Partial<RedisLocation>): RedisLocation {
  return {
    kind: "redis",
    topology: "standalone",
    endpoints: [],
    tls: false,
    username: undefined,
    password: undefined,
    database: 0,
    masterName: undefined,
    ...location,
  };
}

afterEach(() => vi.unstubAllEnvs());

describe("--listen", () => {
  test.each([
    ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
    ["[::1]:50051", { host: "::1", port: 50_051 }],
    ["localhost:65535", { host: "localhost", port: 65_535 }],
  ])("takes %s", (text, address) => {
    expect(parse(serveOptions.listen, ["--listen", text])).toEqual(address);
  });

  test.each(["", "localhost", ":50051", "host:", "host:65536", "::1:50051", "host:1x"])("refuses %j", (text) => {
    expect(parse(serveOptions.listen, ["--listen", text])).toMatch(
      /option '--listen <host:port>'.*Expected HOST:PORT/s,
    );
  });
});

describe("--store", () => {
  test.each([
    ["sqlite:a/b.db", { kind: "sqlite", path: "a/b.db" }],
    ["sqlite:///a.db", { kind: "sqlite", path: "///a.db" }],
    ["redis://localhost", redis({ endpoints: [at("localhost", 6379)] })],
    ["redis://[::1]:6380/", redis({ endpoints: [at("::1", 6380)] })],
    ["redis://u:p@h:6380/2", redis({ endpoints: [at("h", 6380)], username: "u", password: "p", database: 2 })],
    ["redis://u@h", redis({ endpoints: [at("h", 6379)], username: "u" })],
    ["rediss://:p%40%2Fss%2C@h", redis({ endpoints: [at("h", 6379)], password: "p@/ss,", tls: true })],
    [
      "redis+cluster://u:p@a:1,b,[::2]:3",
      redis({
        topology: "cluster",
        endpoints: [at("a", 1), at("b", 6379), at("::2", 3)],
        username: "u",
        password: "p",
      }),
    ],
    [
      "rediss+sentinel://:p@a:1,b/my-primary/3",
      redis({
        topology: "sentinel",
        endpoints: [at("a", 1), at("b", 26_379)],
        password: "p",
        tls: true,
        masterName: "my-primary",
        database: 3,
      }),
    ],
  ])("takes %s", (text, location) => {
    expect(parse(serveOptions.store, ["--store", text])).toEqual(location);
  });

  test.each([
    "",
    "sqlite:",
    "sqlite::memory:",
    "sqlite://data/rollcall.db",
    "redis:",
    "redis://",
    "redis://h/x",
    "redis://a,b",
    "redis://h:0",
    "redis://h:65536",
    "redis://h?db=1",
    "redis://@h",
    "redis://u:@h",
    "redis://u:%zz@h",
    "redis+cluster://",
    "redis+cluster://a,,b",
    "redis+cluster://h/1",
    "redis+sentinel://h",
    "redis+sentinel://h/",
    "redis+sentinel://h/n/x",
    "redis+other://h",
    "mysql://h",
    "a.db",
  ])("refuses %j", (text) => {
    expect(parse(serveOptions.store, ["--store", text])).toMatch(
      /^--store \(or ROLLCALL_STORE\) is invalid\. (Expected|A cluster has)/,
    );
  });

  test("is refused without a word of what it holds", () => {
    const refused = "redis://ann:s3cret@h:x";
    expect(parse(serveOptions.store, ["--store", refused])).not.toMatch(/ann|s3cret/);
    vi.stubEnv("ROLLCALL_STORE", refused);
    expect(parse(serveOptions.store, [])).not.toMatch(/ann|s3cret/);
  });

  test.each([
    ["redis://user:secret@h:6380/2", "redis://h:6380/2"],
    ["redis://h", "redis://h:6379"],
    ["rediss+cluster://user:secret@a,[::1]:2", "rediss+cluster://a:6379,[::1]:2"],
    ["redis+sentinel://user:secret@a/name/1", "redis+sentinel://a:26379/name/1"],
    ["sqlite:x.db", "sqlite:x.db"],
  ])("%s is described without its credentials", (text, description) => {
    expect(describeStoreLocation(parseStoreLocation(text))).toBe(description);
  });
});

test.each(["a b", "{tag}", "a".repeat(65)])("--redis-key-prefix refuses %j", (text) => {
  expect(parse(serveOptions.redisKeyPrefix, ["--redis-key-prefix", text])).toMatch(/--redis-key-prefix.*Expected/);
});

describe("--redis-nat-map", () => {
  const at = (host: string, port: number) => ({ host, port });

  test("says where each announced address is, by host and port before by host alone", () => {
    const map = parseNatMap("10.0.0.1:6379=a:1, 10.0.0.1=b,[fd00::1]:7=[::1]:8,Node.Example=c");
    const found = [at("10.0.0.1", 6379), at("10.0.0.1", 2), at("fd00::1", 7), at("node.example", 3), at("other", 4)];
    expect(found.map((announced) => reachableAt(map, announced))).toEqual([
      at("a", 1),
      at("b", 2),
      at("::1", 8),
      at("c", 3),
      at("other", 4),
    ]);
  });

  test.each([
    ["a:1=b:2,", "There is nothing before or after a comma"],
    ["a:1", "a:1 is not two addresses"],
    ["a:1=b:2=c:3", "a:1=b:2=c:3 is not two addresses"],
    ["a:1=b:0", "a:1=b:0 is not two addresses"],
    ["fd00::1=b", "fd00::1=b is not two addresses"],
    ["a:1=b", "a:1=b has a port on one side only"],
    ["a=b:1", "a=b:1 has a port on one side only"],
    ["a:1=b:2,A:1=c:3", "A:1 is repeated"],
  ])("refuses %j and names what is wrong", (text, what) => {
    const refused = parse(serveOptions.redisNatMap, ["--redis-nat-map", text]);
    expect(refused).toContain(`${what}. Expected FROM=TO,…`);
  });
});

test.each(["-1", "1.5", "x", "100"])("--redis-wait-replicas refuses %j", (text) => {
  expect(parse(serveOptions.redisWaitReplicas, ["--redis-wait-replicas", text])).toMatch(
    /--redis-wait-replicas.*Expected/,
  );
});

describe("--required-properties", () => {
  test.each([
    ["name,email", ["name", "email"]],
    [" a , b,a", ["a", "b"]],
    ["", []],
  ])("takes %j", (text, names) => {
    expect(parse(serveOptions.requiredProperties, ["--required-properties", text])).toEqual(names);
  });

  test.each(["a,,b", "n".repeat(129)])("refuses %j", (text) => {
    expect(parse(serveOptions.requiredProperties, ["--required-properties", text])).toMatch(/--required-properties/);
  });
});

describe("--indexes", () => {
  test("takes properties, and how they are compared", () => {
    expect(parse(serveOptions.indexes, ["--indexes", "email:fold, plan"])).toEqual([
      { property: "email", folded: true },
      { property: "plan", folded: false },
    ]);
  });

  test.each([" ", " \t ", "\u00a0"])("refuses %j, which names none", (text) => {
    const refusal = parse(serveOptions.indexes, ["--indexes", text]);
    expect(refusal).toMatch(/--indexes.* is invalid\. It is empty: leave the option out/);
    expect(() => parseIndexes(text)).toThrow("It is empty: leave the option out.");
  });

  test.each([",", "email,,plan", "email:", "email:FOLD"])("refuses %j", (text) => {
    expect(parse(serveOptions.indexes, ["--indexes", text])).toMatch(/--indexes/);
  });
});

describe("--cors-origins", () => {
  test.each([
    ["https://app.example.com", ["https://app.example.com"]],
    [
      " http://localhost:5173 , https://b.example,http://localhost:5173",
      ["http://localhost:5173", "https://b.example"],
    ],
    ["HTTPS://App.Example.com:443", ["https://app.example.com"]],
    ["http://[::1]:80", ["http://[::1]"]],
    ["*", "*"],
    ["", []],
  ])("takes %j, as browsers write it", (text, origins) => {
    expect(parse(serveOptions.corsOrigins, ["--cors-origins", text])).toEqual(origins);
  });

  test.each([
    ["app.example.com", "app.example.com has no scheme"],
    ["null", "null has no scheme"],
    ["ftp://app.example.com", "ftp://app.example.com has a scheme other than http or https"],
    ["https://a.example,https://app.example.com/", "https://app.example.com/ has more than an origin"],
    ["https://app.example.com?x", "has more than an origin"],
    ["https://app.example.com#x", "has more than an origin"],
    ["https://ann@app.example.com", "has a user's name"],
    ["https://", "has no valid host or port"],
    ["https://app.example.com:65536", "has no valid host or port"],
    ["https://*.example.com", "has a wildcard"],
    ["https://a.example,*", "* allows any origin, and is given alone"],
    ["https://a.example,", "There is nothing before or after a comma"],
  ])("refuses %j: %s", (text, reason) => {
    const refusal = parse(serveOptions.corsOrigins, ["--cors-origins", text]);
    expect(refusal).toContain("--cors-origins");
    expect(refusal).toContain(reason);
  });
});

describe("--trusted-proxies", () => {
  const proxies = (text: string) => {
    const parsed = parse(serveOptions.trustedProxies, ["--trusted-proxies", text]);
    if (!Array.isArray(parsed)) throw new Error(String(parsed));
    return addressMatcher(parsed);
  };

  test.each([
    ["192.0.2.7", ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.2.8", "::ffff:192.0.2.8", "2001:db8::1"]],
    ["10.0.0.0/8", ["10.1.2.3", "::ffff:10.1.2.3", "::ffff:a01:203"], ["11.0.0.1", "::ffff:11.0.0.1"]],
    ["10.1.2.3/8", ["10.0.0.1"], ["11.0.0.1"]],
    ["2001:db8::/32", ["2001:db8:1::1", "2001:db8::1%eth0"], ["2001:db9::1", "10.0.0.1"]],
    ["::1", ["::1"], ["::2", "0.0.0.1"]],
    ["::ffff:10.0.0.0/104", ["10.1.2.3", "::ffff:10.1.2.3"], ["11.0.0.1"]],
    [" 192.0.2.7 , 10.0.0.0/8", ["192.0.2.7", "10.1.2.3"], ["192.0.2.8"]],
    ["0.0.0.0/0", ["192.0.2.7"], ["2001:db8::1"]],
    ["", [], ["127.0.0.1", "::1", ""]],
  ])("takes %j", (text, among, others) => {
    const isTrusted = proxies(text);
    expect(among.filter((address) => !isTrusted(address))).toEqual([]);
    expect(others.filter(isTrusted)).toEqual([]);
  });

  test.each([
    ["proxy.example.com", "proxy.example.com is not an IP address"],
    ["10.0.0", "10.0.0 is not an IP address"],
    ["10.0.0.0/8/8", "10.0.0.0/8/8 is not an IP address"],
    ["fe80::1%eth0", "fe80::1%eth0 is not an IP address"],
    ["192.0.2.7, 10.0.0.0/33", "10.0.0.0/33 has no prefix of 0 to 32 bits"],
    ["10.0.0.0/255.0.0.0", "10.0.0.0/255.0.0.0 has no prefix of 0 to 32 bits"],
    ["10.0.0.0/", "10.0.0.0/ has no prefix of 0 to 32 bits"],
    ["2001:db8::/129", "2001:db8::/129 has no prefix of 0 to 128 bits"],
    ["10.0.0.0/8,", "There is nothing before or after a comma"],
  ])("refuses %j: %s", (text, reason) => {
    const refusal = parse(serveOptions.trustedProxies, ["--trusted-proxies", text]);
    expect(refusal).toContain("--trusted-proxies");
    expect(refusal).toContain(reason);
    expect(refusal).toContain("Expected ADDRESS or ADDRESS/BITS");
  });
});

test("a value from the environment is refused with the variable's name", () => {
  vi.stubEnv("ROLLCALL_DRAIN_TIMEOUT", "soon");
  expect(parse(serveOptions.drainTimeout, [])).toMatch(/--drain-timeout.*from env 'ROLLCALL_DRAIN_TIMEOUT'/);
});

test("a flag comes before the environment, and that before the default", () => {
  expect(parse(clientOptions.server, [])).toBe("http://127.0.0.1:50051");
  vi.stubEnv("ROLLCALL_SERVER", "http://from-environment:1/");
  expect(parse(clientOptions.server, [])).toBe("http://from-environment:1");
  expect(parse(clientOptions.server, ["--server", "https://from-flag"])).toBe("https://from-flag");
});

const declared = Object.entries({ ...serveOptions, ...clientOptions });

test("each variable of a command is that of an option declared in one place", async () => {
  const { commands } = await createProgram([]);
  const variables = commands.flatMap(({ options }) => options.flatMap(({ envVar }) => envVar ?? []));
  expect([...new Set(variables)].sort()).toEqual(declared.map(([, { envVar }]) => envVar).sort());
});

test("variables that set no option are found", () => {
  const env = {
    ROLLCALL_STROE: "redis://redis",
    ROLLCALL_STORE: "",
    ROLLCALL_TOKEN: "t",
    STORE: "",
    ROLLCALL_PORT: "tcp://10.0.0.1:50051",
    ROLLCALL_PORT_50051_TCP_ADDR: "10.0.0.1",
    ROLLCALL_METRICS_SERVICE_PORT_HTTP: "9464",
  };
  expect(unknownVariables(env)).toEqual(["ROLLCALL_STROE"]);
});

/** A value by what an option says it takes. */
const samples: Readonly<Record<string, string>> = {
  "host:port": "127.0.0.1:1",
  cidrs: "10.0.0.0/8",
  count: "1",
  file: "a b.pem",
  "file or url": "keys.json",
  "from=to,...": "10.0.0.1:6379=127.0.0.1:7001",
  how: "request",
  level: "warn",
  MiB: "1",
  name: "a",
  names: "a, b",
  origins: "https://a.example",
  properties: "email:fold,plan",
  protocol: "connect",
  seconds: "1",
  share: "0.5",
  text: "a",
  url: "",
  what: "legacy",
  which: "own",
  who: "off",
  "yes or no": "yes",
};
const urls: Readonly<Record<string, string>> = { store: "sqlite:a b.db", server: "http://127.0.0.1:1" };
/** Options that take an empty value, and what it means. */
const emptyValues: Readonly<Record<string, unknown>> = {
  "required-properties": [],
  "redis-key-prefix": "",
  "cors-origins": [],
  "trusted-proxies": [],
};
/** Options of which an empty variable would open another store, or ask callers for less. */
const guarding = /^(store|credentials|jwt-(jwks|issuer|audience)|tls-(cert|key|client-ca))$/;

describe.each(declared.map(([key, option]) => [option.name(), option, key] as const))("--%s", (name, option, key) => {
  const flag = `--${name}`;
  const variable = `ROLLCALL_${name.replaceAll("-", "_").toUpperCase()}`;
  const [, takes = ""] = /[<[](.*)[\]>]/.exec(option.flags) ?? [];
  const sample = urls[name] ?? samples[takes] ?? expect.fail(`no sample for <${takes}>`);
  /** As a command has it, whose other variables do not matter. */
  const fromVariable = (value: string) => {
    vi.stubEnv(variable, value);
    dropEmptyVariables([option], process.env);
    return parse(option, []);
  };
  const expected = parse(option, [flag, sample]);

  test("is declared under the name that its value has", () => {
    expect(key).toBe(option.attributeName());
  });

  test("is read without the spaces and line breaks around it", () => {
    expect(String(expected)).not.toContain("invalid");
    expect(fromVariable(sample)).toEqual(expected);
    expect(fromVariable(`${sample}\n`)).toEqual(expected);
    expect(fromVariable(`\ufeff ${sample}\r\n\n`)).toEqual(expected);
    expect(parse(option, [flag, `${sample}\n`])).toEqual(expected);
  });

  test.each(["\n", "\t", "\u001b", "\u007f", "\u200b"])(
    "is refused with %j inside, by its names and without its value",
    (inside) => {
      const refused = `${flag} (or ${variable}) is invalid. It has a line break or another invisible character inside.`;
      expect(fromVariable(`s3cret${inside}s3cret`)).toBe(refused);
      expect(parse(option, [flag, `s3cret${inside}s3cret`])).toBe(refused);
    },
  );

  test("with an empty variable is as without one, where that is safe", () => {
    vi.stubEnv(variable, undefined);
    const without = parse(option, []);
    for (const empty of ["", "\n"]) {
      const value = fromVariable(empty);
      if (guarding.test(name)) expect(value).toMatch(new RegExp(`${flag}.*${variable}.*invalid`));
      else expect(value).toEqual(emptyValues[name] ?? without);
    }
  });

  test("takes no empty flag, unless that means something", () => {
    const value = parse(option, [flag, ""]);
    if (name in emptyValues) expect(value).toEqual(emptyValues[name]);
    else expect(value).toMatch(new RegExp(`${flag}.* is invalid`));
  });
});
