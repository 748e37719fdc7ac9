/** Fails each test during which a server has told personal data, and each file in which one did so outside of tests. */
import { afterAll, afterEach, expect } from "vitest";
import { takeFindings } from "./personal-data.ts";

const expectNone = () => expect(takeFindings(), "personal data that a server has told").toEqual([]);
afterEach(expectNone);
// The first that is registered is the last to run: servers have stopped by then.
afterAll(expectNone);
