import { diag } from "@opentelemetry/api";
import { pino } from "pino";
import { expect, test } from "vitest";
import { logDiagnostics } from "../../src/telemetry/diagnostics.ts";

test("warnings of OpenTelemetry are logged once a second, without what they quote", () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  let now = 0;
  logDiagnostics(logger, () => now);
  diag.info("not worth a word");
  diag.warn('Header "authorization" has invalid value (s3cret) and will be ignored');
  diag.error("Could not parse environment-provided export URL: 'https://ann:s3cret@collector'", new Error("s3cret"));
  diag.error(JSON.stringify({ name: "OTLPExporterError", code: "503", message: "Unavailable\nmore", data: "s3cret" }));
  diag.error("{ s3cret");
  for (const time of [10, 900, 1_010]) {
    now = time;
    diag.warn(`Dropped ${time} spans because maxQueueSize reached`);
  }
  expect(lines.map(({ reason }) => reason)).toEqual([
    'Header "authorization" has invalid value … and will be ignored',
    "Could not parse environment-provided export URL: …",
    "OTLPExporterError: 503: Unavailable",
    "an exception that cannot be read",
    "Dropped 10 spans because maxQueueSize reached",
    "Dropped 1010 spans because maxQueueSize reached",
  ]);
});
