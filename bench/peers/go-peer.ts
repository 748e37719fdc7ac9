/** The peer in Go, with a load in Go: built by `go` into .tools/bench from bench/peers/go. */
import { join } from "node:path";
import { buildGoPrograms, hasGo } from "../../scripts/go-programs.ts";

/** Paths of programs. */
export interface GoPeer {
  /** UserService with grpc-go, over Redis by rueidis. */
  readonly server: string;
  /** A client with grpc-go that calls in a loop. */
  readonly load: string;
}

/** Undefined where there is no Go, and then it says so. */
export function buildGoPeer(): GoPeer | undefined {
  if (!hasGo()) {
    console.error("The program go is not on PATH: nothing is compared with Go.");
    return undefined;
  }
  const directory = join(import.meta.dirname, "..", "..", ".tools", "bench");
  buildGoPrograms(join(import.meta.dirname, "go"), directory);
  return { server: join(directory, "server"), load: join(directory, "load") };
}
