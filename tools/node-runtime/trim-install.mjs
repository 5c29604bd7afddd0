// npm runs this at the end of `npm ci` in a clone. It deletes what nothing here uses and takes a quarter of the space: the
// C++ headers that come with the pinned Node, and binaryen's commands, since the AssemblyScript compiler uses the library
// alone. Plain JavaScript: the Node of a machine for which none is pinned may be too old to run TypeScript.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const modules = new URL('../../node_modules/', import.meta.url);
const { optionalDependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
for (const name of Object.keys(optionalDependencies)) {
  rmSync(new URL(`${name}/include`, modules), { recursive: true, force: true });
}

const commands = new URL('binaryen/bin/', modules);
for (const name of existsSync(commands) ? readdirSync(commands) : []) {
  if (!name.startsWith('wasm')) continue;
  // Empty rather than absent: npm installs a package again when a command of it is missing. Deleted first, since the file
  // may be shared with another folder by a hard link.
  rmSync(new URL(name, commands));
  writeFileSync(new URL(name, commands), '');
}
