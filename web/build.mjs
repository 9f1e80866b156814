// Builds every page of src/ into dist/: {page}-HASH.js, {page}-HASH.css, fonts, manifest.json.
// Each page is bundled by itself, so that it is one request and needs no other page's code;
// only what a page loads with import() becomes a file of its own.
import { context, build as bundle } from "esbuild";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const pages = ["join", "console", "watch", "review", "home", "sign-in", "message"];
const watching = process.argv.includes("--watch");
const manifest = {};
const written = new Set(); // names in dist/ that this build has made
const KEEP_MS = 10 * 60 * 1000; // pages that are open now may still ask for files of the last build

/** Noto Sans SC in its ~100 pieces; a browser fetches only those whose letters a page shows. */
async function copyFonts() {
  const from = join(here, "node_modules/@fontsource-variable/noto-sans-sc");
  await mkdir(join(dist, "fonts"), { recursive: true });
  let css = await readFile(join(from, "index.css"), "utf8");
  for (const file of await readdir(join(from, "files"))) {
    if (!css.includes(`files/${file}`)) continue;
    const content = await readFile(join(from, "files", file));
    const name = `${basename(file, ".woff2")}-${hash(content)}.woff2`;
    const target = join(dist, "fonts", name);
    if (!existsSync(target)) await writeFile(target, content);
    css = css.replaceAll(`./files/${file}`, `fonts/${name}`);
  }
  css = css.replace(/\/\*.*?\*\//gs, "").replace(/\s+/g, " ");
  const name = `fonts-${hash(css)}.css`;
  await writeFile(join(dist, name), css);
  manifest["fonts.css"] = name;
  written.add(name);
}

function hash(content) {
  return createHash("sha256").update(content).digest("hex").slice(0, 8);
}

function options(page) {
  return {
    entryPoints: { [page]: join(here, "src", `${page}.tsx`) },
    outdir: dist,
    entryNames: "[name]-[hash]",
    chunkNames: "chunk-[hash]",
    assetNames: "asset-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    target: ["chrome99", "firefox102", "safari15.4"],
    jsx: "automatic",
    jsxImportSource: "preact",
    minify: !watching,
    sourcemap: watching ? "inline" : false,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
    define: {
      "process.env.NODE_ENV": JSON.stringify(watching ? "development" : "production"),
      FONTS_CSS: JSON.stringify(manifest["fonts.css"]),
    },
    plugins: [{ name: "manifest", setup: (each) => each.onEnd((result) => enter(page, result)) }],
  };
}

/** Put a page's files into the manifest. */
async function enter(page, result) {
  if (!result.metafile) return;
  const outputs = Object.entries(result.metafile.outputs);
  for (const [file] of outputs) written.add(basename(file));
  const entry = outputs.find(([, output]) => output.entryPoint?.endsWith(`src/${page}.tsx`));
  if (!entry) return;
  const [file, { cssBundle }] = entry;
  manifest[`${page}.js`] = basename(file);
  if (cssBundle) manifest[`${page}.css`] = basename(cssBundle);
  else delete manifest[`${page}.css`];
  if (watching) await publish();
}

/** Write the manifest; it replaces the old one in one step, when all that it names is there. */
async function publish() {
  const ordered = Object.fromEntries(Object.entries(manifest).sort(([a], [b]) => (a < b ? -1 : 1)));
  const temporary = join(dist, `.manifest-${process.pid}`);
  await writeFile(temporary, `${JSON.stringify(ordered, null, 2)}\n`);
  await rename(temporary, join(dist, "manifest.json"));
}

async function removeOld() {
  for (const name of await readdir(dist)) {
    if (name === "fonts" || name === "manifest.json" || written.has(name)) continue;
    const age = Date.now() - (await stat(join(dist, name)).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (age > KEEP_MS) await rm(join(dist, name), { force: true });
  }
}

async function tellWeights() {
  for (const [name, file] of Object.entries(manifest)) {
    const content = await readFile(join(dist, file));
    const kilobytes = (gzipSync(content).length / 1000).toFixed(1);
    console.log(`${name.padEnd(14)} ${kilobytes.padStart(7)} kB compressed`);
  }
}

const present = pages.filter((page) => existsSync(join(here, "src", `${page}.tsx`)));
await mkdir(dist, { recursive: true });
await copyFonts();
if (watching) {
  for (const page of present) await (await context(options(page))).watch();
  console.log(`watching ${present.join(", ")}`);
} else {
  await Promise.all(present.map((page) => bundle(options(page))));
  await publish();
  await removeOld();
  await tellWeights();
}
