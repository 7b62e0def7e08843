// Copies the front-end files named in the web door's frontend.json from node_modules to its static/lib folder, flat (fonts in fonts/).
// No page loads anything from elsewhere.
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const door = join(root, "xinglin", "doors", "web");
const target = join(door, "static", "lib");
const TEXT = /\.(css|m?js)$/;
const SOURCE_MAP = /\n?(\/\/# sourceMappingURL=.*|\/\*# sourceMappingURL=.*?\*\/)\s*$/;

const wanted = JSON.parse(await readFile(join(door, "frontend.json"), "utf8"));
await rm(target, { recursive: true, force: true });
let count = 0;
for (const [name, files] of Object.entries(wanted)) {
  for (const file of files) {
    const from = join(root, "node_modules", name, file);
    const to = join(target, file.includes("/fonts/") ? "fonts" : "", basename(file));
    await mkdir(dirname(to), { recursive: true });
    if (TEXT.test(file)) {
      // source maps are not copied, so the pages must not ask for them
      await writeFile(to, (await readFile(from, "utf8")).replace(SOURCE_MAP, "\n"));
    } else {
      await cp(from, to);
    }
    count += 1;
  }
}
console.log(`Front-end libraries: ${count} files in ${relative(root, target)}`);
