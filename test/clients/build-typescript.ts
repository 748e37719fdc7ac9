/** Builds clients/typescript on the packed package, in `.tools/`, where its compiled programs are then. */
import { dirname } from "node:path";
import { buildPackedExample } from "../support/packed-example.ts";
import { built } from "./languages.ts";

await buildPackedExample(dirname(built));
