// Run by hand: npm install mermaid jsdom; python tests/mermaid/diagrams.py FOLDER; node tests/mermaid/check.mjs FOLDER
// Every diagram in the folder has to be accepted by Mermaid's own parser.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

// packages are looked for where this is run, not where this file is
const require = createRequire(pathToFileURL(join(process.cwd(), "package.json")));
const { JSDOM } = require("jsdom");
const dom = new JSDOM("<!DOCTYPE html><body></body>");
globalThis.window = dom.window;
globalThis.document = dom.window.document;
const entry = join(process.cwd(), "node_modules", "mermaid", "dist", "mermaid.core.mjs");
const { default: mermaid } = await import(pathToFileURL(entry));

mermaid.initialize({ startOnLoad: false });
const folder = process.argv[2];
let wrong = 0;
const files = readdirSync(folder).filter((name) => name.endsWith(".mmd"));
for (const name of files) {
  const text = readFileSync(join(folder, name), "utf8");
  try {
    const { diagramType } = await mermaid.parse(text);
    if (diagramType !== "sequence") throw new Error(`it is taken for a ${diagramType}`);
  } catch (error) {
    wrong += 1;
    console.log(`${name}: ${String(error.message ?? error).split("\n").slice(0, 4).join(" | ")}`);
  }
}
console.log(`${files.length} diagrams, ${wrong} of them not accepted`);
process.exit(wrong || !files.length ? 1 : 0);
