/** Builds clients/typescript with the packed package, in `.tools/`. */
import { dirname } from "node:path";
import { buildPackedExample } from "../support/packed-example.ts";
import { built } from "./languages.ts";

await buildPackedExample(dirname(built));
