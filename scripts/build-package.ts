/**
 * Builds what the npm package has in place of the sources: `dist/`, JavaScript with type declarations, and the files that it
 * reads. `npm pack` runs it.
 */
import { execFileSync } from "node:child_process";
import { cpSync, rmSync, statSync } from "node:fs";

const root = new URL("../", import.meta.url);
const [source, built] = [new URL("src/", root), new URL("dist/", root)];

rmSync(built, { recursive: true, force: true });
execFileSync("tsc", ["--project", "scripts/tsconfig.build.json"], { cwd: root, stdio: "inherit" });
cpSync(source, built, {
  recursive: true,
  filter: (path) => statSync(path).isDirectory() || path.endsWith(".lua"),
});
