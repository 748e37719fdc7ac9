/**
 * Installs the runner of the Connect conformance suite and h2spec in `.tools/conformance/`, unless these versions are there.
 * Generates the stubs of the suite's service in `test/conformance/`, from the runner's .proto files. Needs `go` on PATH. Exits
 * with status 1 on failure.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { buildGoTools, type GoProgram, installGoProgram, runGo } from "./go-programs.ts";

const root = join(import.meta.dirname, "..");

const runner: GoProgram = {
  name: "connectconformance",
  module: "connectrpc.com/conformance",
  version: "v1.0.7",
  package: "connectrpc.com/conformance/cmd/connectconformance",
};

try {
  const tools = join(root, ".tools", "conformance");
  installGoProgram(runner, tools);
  buildGoTools(join(root, "test", "conformance", "h2spec"), tools);
  generateStubs();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function generateStubs(): void {
  const downloaded = runGo(["mod", "download", "-json", `${runner.module}@${runner.version}`]);
  const { Dir: source }: { Dir: string } = JSON.parse(downloaded);
  const input = join(source, "proto");
  const protos = ["service", "server_compat", "config"].map((name) => `connectrpc/conformance/v1/${name}.proto`);
  const paths = protos.flatMap((proto) => ["--path", join(input, proto)]);
  const template = ["--template", "scripts/generate/buf.gen.conformance.yaml", "--output", "test/conformance"];
  const { status, error } = spawnSync(
    join(root, "node_modules", ".bin", "buf"),
    ["generate", input, ...template, ...paths],
    { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
  );
  if (status !== 0) throw error ?? new Error(`buf generate: exit status ${status}`);
}
