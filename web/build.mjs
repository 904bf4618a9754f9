// One file from all: node build.mjs [OUT.html]. Same sources and lock file, same bytes.
import { build } from "esbuild";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";

const GZIP_MAX = 120 * 1024;
const out = process.argv[2] ?? "dist/page.html";
const common = { bundle: true, minify: true, write: false, logLevel: "warning", legalComments: "none", charset: "utf8" };
const script = await build({
  ...common, entryPoints: ["src/main.tsx"], format: "iife", target: "es2022",
  jsx: "automatic", jsxImportSource: "preact",
});
const style = await build({ ...common, entryPoints: ["src/style.css"], target: ["chrome110", "firefox115", "safari16"] });
const inline = (text) => text.trim().replaceAll("</script", "<\\/script");
const page = readFileSync("src/index.html", "utf8")
  .replace("/*STYLE*/", () => style.outputFiles[0].text.trim())
  .replace("/*SCRIPT*/", () => inline(script.outputFiles[0].text));
const gzip = gzipSync(page, { level: 9 }).length;
if (gzip > GZIP_MAX) throw new Error(`${gzip} bytes as gzip; ${GZIP_MAX} at most`);
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, page);
console.log(`${out}: ${page.length} characters, ${gzip} bytes as gzip`);
