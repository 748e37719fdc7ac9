/**
 * Installs the plugins that generate the Go stubs, in `.tools/go/`, unless these versions are there. Needs `go` on PATH. Exits
 * with status 1 on failure.
 */
import { join } from "node:path";
import { type GoProgram, installGoProgram } from "../../go-programs.ts";

const directory = join(import.meta.dirname, "..", "..", "..", ".tools", "go");

const plugins: readonly GoProgram[] = [
  {
    name: "protoc-gen-go",
    module: "google.golang.org/protobuf",
    version: "v1.36.12",
    package: "google.golang.org/protobuf/cmd/protoc-gen-go",
  },
  {
    name: "protoc-gen-go-grpc",
    module: "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
    version: "v1.6.2",
    package: "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
  },
  {
    name: "protoc-gen-connect-go",
    module: "connectrpc.com/connect",
    version: "v1.21.1",
    package: "connectrpc.com/connect/cmd/protoc-gen-connect-go",
  },
];

try {
  for (const plugin of plugins) installGoProgram(plugin, directory);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
