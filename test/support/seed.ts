/** Property-based tests run the same cases each time; TEST_SEED asks for others, and a failure prints its own. */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["TEST_SEED"] ?? 1) });
