/**
 * Builds `dist/` for the npm package: JavaScript, type declarations, and the Lua scripts that the code reads. `npm pack` runs it.
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
