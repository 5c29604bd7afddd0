// The half of TF.js's core that registers itself, as one module: the gradients of its ops, and its ops as methods of a
// tensor. Written to src/tensor (git-ignored), and copied into `tensor` of the folder that is built.
//
// Bundlers can import these parts of `@tensorflow/tfjs-core` one by one, but Node cannot: the package has them as ES
// modules that name each other without a file ending, and its build for Node leaves them out. So they are bundled here,
// without a second TF.js: whatever a module shares with the public API is taken from `@tensorflow/tfjs-core`.

import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Plugin, rolldown } from 'rolldown';
import { parseAst } from 'rolldown/parseAst';

const core = '@tensorflow/tfjs-core';
const name = 'tfjs-registrations';
const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = dirname(fileURLToPath(import.meta.resolve(core)));

/** Modules of the core that hold state, in terms of the public API. */
const replacements: ReadonlyMap<string, string> = new Map([
  ['engine', `import { engine } from '${core}'; export const ENGINE = engine();`],
  ['environment', `export { env } from '${core}';`],
  ['tensor', `import { Tensor } from '${core}'; export { Tensor }; export const getGlobalTensorClass = () => Tensor;`],
]);

const licence = `/*! The gradients and tensor methods of @tensorflow/tfjs-core. Copyright Google LLC. Licensed under the Apache License,
 * Version 2.0: http://www.apache.org/licenses/LICENSE-2.0. Bundled from the package's modules, otherwise unchanged. */`;

/** The names that a module exports. */
function exportsOf(file: string): string[] {
  return parseAst(readFileSync(file, 'utf8')).body.flatMap((node) => {
    if (node.type !== 'ExportNamedDeclaration') return [];
    const { declaration, specifiers } = node;
    if (declaration?.type === 'VariableDeclaration') {
      return declaration.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []));
    }
    if (declaration !== null)
      return 'id' in declaration && declaration.id?.type === 'Identifier' ? [declaration.id.name] : [];
    return specifiers.flatMap(({ exported }) => (exported.type === 'Identifier' ? [exported.name] : []));
  });
}

/** Leaves to the core what its public API has. */
function oneCore(publicNames: ReadonlySet<string>): Plugin {
  const seen = new Map<string, boolean>();
  const isPublic = (file: string): boolean => {
    const names = exportsOf(file);
    return names.length > 0 && names.every((exported) => publicNames.has(exported));
  };
  return {
    name: 'one-core',
    resolveId(source, importer) {
      if (!source.startsWith('.') || !importer?.startsWith(modules + sep)) return null;
      const file = resolve(dirname(importer), `${source}.js`);
      if (!seen.has(file)) seen.set(file, isPublic(file));
      return seen.get(file) ? { id: core, external: true } : file;
    },
    load: (id) => replacements.get(id.slice(modules.length + 1, -'.js'.length)) ?? null,
  };
}

/** Writes the module, and copies it and its types into `outDir`. */
export async function bundleTfjsRegistrations(outDir: string): Promise<void> {
  const entry = `import '${core}/dist/register_all_gradients.js';
import '${core}/dist/public/chained_ops/register_all_chained_ops.js';`;
  const bundle = await rolldown({
    input: name,
    external: [core],
    checks: { bundlerTimings: false },
    plugins: [
      {
        name: 'entry',
        resolveId: (source) => (source === name ? source : null),
        load: (id) => (id === name ? entry : null),
      },
      oneCore(new Set(Object.keys(await import(core)))),
    ],
    onLog: (level, { message }) => {
      if (level === 'warn') throw new Error(`the registrations of TF.js: ${message}`);
    },
  });
  const { output } = await bundle.generate({ banner: licence, comments: false });
  await bundle.close();
  replaceFile(join(root, `src/tensor/${name}.js`), output[0].code);
  mkdirSync(join(outDir, 'tensor'), { recursive: true });
  for (const ending of ['js', 'd.ts']) {
    const file = `tensor/${name}.${ending}`;
    copyFileSync(join(root, 'src', file), join(outDir, file));
  }
}

/** Programs may be running from the sources: the file is never missing, and never half there. */
function replaceFile(path: string, text: string): void {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, text);
  renameSync(fresh, path);
}
