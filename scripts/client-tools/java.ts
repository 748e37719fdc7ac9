/**
 * Installs what generates the Java stubs, in `.tools/java/`: protoc and gRPC's plugin, in the versions of the libraries that
 * gen/java/pom.xml names. Those that are there in these versions stay. Needs `mvn` on PATH. Exits with status 1 where it
 * cannot.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const directory = join(root, ".tools", "java");
const installTimeoutMs = 10 * 60_000;
const copy = "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy";

interface Tool {
  /** Of the program, and of the artifact. */
  readonly name: string;
  readonly group: string;
  readonly version: string;
}

try {
  const pom = readFileSync(join(root, "gen", "java", "pom.xml"), "utf8");
  const tools: readonly Tool[] = [
    { name: "protoc", group: "com.google.protobuf", version: propertyOf(pom, "protobuf.version") },
    { name: "protoc-gen-grpc-java", group: "io.grpc", version: propertyOf(pom, "grpc.version") },
  ];
  for (const tool of tools) {
    if (!isThere(tool)) install(tool);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function propertyOf(pom: string, name: string): string {
  const value = pom.split(`<${name}>`)[1]?.split("</")[0];
  if (value === undefined) throw new Error(`gen/java/pom.xml has no property ${name}`);
  return value;
}

/** A file beside each program says which version it is: the plugin does not tell its own. */
function isThere({ name, version }: Tool): boolean {
  const program = join(directory, name);
  return existsSync(program) && existsSync(versionFile(name)) && readFileSync(versionFile(name), "utf8") === version;
}

function versionFile(name: string): string {
  return join(directory, `${name}.version`);
}

function install({ name, group, version }: Tool): void {
  console.log(`${name} ${version}: installing with mvn`);
  const classifier = platform();
  const artifact = `${group}:${name}:${version}:exe:${classifier}`;
  const options = ["--batch-mode", "--quiet", `-Dartifact=${artifact}`, `-DoutputDirectory=${directory}`];
  const { status, stdout, stderr, error } = spawnSync("mvn", [...options, copy], {
    // Away from any pom.xml.
    cwd: makeDirectory(),
    encoding: "utf8",
    timeout: installTimeoutMs,
  });
  if (error !== undefined) throw new Error(`The stubs for Java need the program mvn: ${error.message}`);
  if (status !== 0) throw new Error(`mvn ${copy} ${artifact}:\n${stdout}${stderr}`);

  const program = join(directory, name);
  rmSync(versionFile(name), { force: true });
  renameSync(join(directory, `${name}-${version}-${classifier}.exe`), program);
  chmodSync(program, 0o755);
  writeFileSync(versionFile(name), version);
}

function makeDirectory(): string {
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** This machine, as the artifacts' classifiers name it. */
function platform(): string {
  const systems: Partial<Record<NodeJS.Platform, string>> = { linux: "linux", darwin: "osx", win32: "windows" };
  const processors: Record<string, string> = { x64: "x86_64", arm64: "aarch_64", ppc64: "ppcle_64", s390x: "s390_64" };
  const system = systems[process.platform];
  const processor = processors[process.arch];
  if (system === undefined || processor === undefined) {
    throw new Error(`There is no protoc for ${process.platform} on ${process.arch}`);
  }
  return `${system}-${processor}`;
}
