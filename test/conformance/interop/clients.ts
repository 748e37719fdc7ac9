/** gRPC's own interop clients: what they need, and the cases that they try. */
import { delimiter, join } from "node:path";
import { installGoProgram } from "../../../scripts/go-programs.ts";
import { installJavaLibraries } from "../../../scripts/java-libraries.ts";
import type { Command, Tool } from "../../clients/languages.ts";

export interface InteropClient {
  /** As `--without` takes it. */
  readonly key: string;
  readonly name: string;
  readonly tools: readonly Tool[];
  /** Those of its cases for which there is all they need: docs/conformance.md says what is left out, and why. */
  readonly cases: readonly string[];
  /** In `.tools/`, unless it is there. */
  install(): void;
  /** The program, for servers that the authority in `<certificates>/certs/ca.pem` vouches for. */
  command(certificates: string): Command;
}

const installed = join(import.meta.dirname, "..", "..", "..", ".tools", "conformance");
const java = join(installed, "java");
/** A virtual machine, for a case alone. */
const startsSooner = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/** The cases that both clients have. */
const cases: readonly string[] = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "timeout_on_sleeping_server",
  "cancel_after_begin",
  "cancel_after_first_response",
  "custom_metadata",
  "status_code_and_message",
  "special_status_message",
  "unimplemented_method",
  "unimplemented_service",
  "pick_first_unary",
  "rpc_soak",
  "channel_soak",
];

export const interopClients: readonly InteropClient[] = [
  {
    key: "go",
    name: "grpc-go",
    tools: [{ name: "Go", version: { program: "go", args: ["version"] }, atLeast: [1, 26] }],
    cases,
    install() {
      const module = "google.golang.org/grpc";
      installGoProgram({ name: "client", module, version: "v1.84.0", package: `${module}/interop/client` }, installed);
    },
    command: (certificates) => ({
      program: join(installed, "client"),
      args: [`--ca_file=${join(certificates, "certs", "ca.pem")}`],
    }),
  },
  {
    key: "java",
    name: "grpc-java",
    tools: [
      { name: "Java", version: { program: "java", args: ["--version"] }, atLeast: [11] },
      { name: "Maven", version: { program: "mvn", args: ["--batch-mode", "--version"] }, atLeast: [3, 6] },
    ],
    cases: [...cases, "client_compressed_unary", "client_compressed_streaming"],
    install: () => installJavaLibraries("grpc-java's interop client", join(import.meta.dirname, "pom.xml"), java),
    command: (certificates) => ({
      program: "java",
      args: [
        ...startsSooner,
        // It looks for its authority on its class path, where the first that is found counts.
        ...["-cp", [certificates, join(java, "*")].join(delimiter)],
        "io.grpc.testing.integration.TestServiceClient",
      ],
    }),
  },
];
