// Compiles the engine's AssemblyScript into one binary a variant, in src/engine/wasm (git-ignored), and copies them
// into `engine/wasm` of the folder that is its argument. Writes down what they export in src/engine/exports.ts, which
// is checked in: editors and `tsc` need it before anything is built.
//
// A variant whose sources have not changed since is not compiled again: `asc` takes seconds for each.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { exportTypes } from './export-types.ts';
import { layoutSource } from './layout-source.ts';
import { operationsSource } from './operations-source.ts';
import { tileSource } from './tile-source.ts';

interface Variant {
  readonly name: string;
  readonly tile: readonly [rows: number, columns: number];
  readonly relaxed: boolean;
  readonly shared: boolean;
}

const variants: readonly Variant[] = [
  { name: 'relaxed-5x16', tile: [5, 16], relaxed: true, shared: true },
  { name: 'relaxed-6x8', tile: [6, 8], relaxed: true, shared: true },
  { name: 'simd-6x8', tile: [6, 8], relaxed: false, shared: true },
  { name: 'relaxed-6x8-unshared', tile: [6, 8], relaxed: true, shared: false },
  { name: 'simd-6x8-unshared', tile: [6, 8], relaxed: false, shared: false },
];

const root = fileURLToPath(new URL('../..', import.meta.url));
const assembly = join(root, 'src/engine/assembly');
const target = join(root, 'src/engine/wasm');
const compiler = fileURLToPath(new URL('../bin/asc.js', import.meta.resolve('assemblyscript')));

/** What `asc` reads for a variant: the sources as they are, and those that are made of tables or in its shape. */
function sourcesOf({ tile }: Variant): ReadonlyMap<string, string> {
  const files = readdirSync(assembly, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const read = files.map((name) => [name, readFileSync(join(assembly, name), 'utf8')] as const);
  const generated = [
    ['decode/layout.ts', layoutSource()],
    ['operations.ts', operationsSource()],
    ['gemm/tile.ts', tileSource(...tile)],
  ] as const;
  return new Map([...read, ...generated]);
}

function flagsOf({ relaxed, shared }: Variant): string[] {
  return [
    ...['-O3', '--runtime', 'stub', '--noAssert', '--enable', 'simd', '--enable', 'threads', '--disableWarning'],
    ...(relaxed ? ['--enable', 'relaxed-simd'] : []),
    // Static data (function references only) lies above the control block of `threads.ts` and is the same in all
    // instances.
    ...['--memoryBase', '4096', '--importMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
    ...(shared ? ['--sharedMemory'] : []),
  ];
}

function keyOf(variant: Variant): string {
  const hash = createHash('sha256').update(JSON.stringify([flagsOf(variant), ...sourcesOf(variant)]));
  return hash.digest('hex');
}

function isStale(variant: Variant): boolean {
  const [stamp, binary] = [join(target, `${variant.name}.key`), join(target, `${variant.name}.wasm`)];
  return !existsSync(binary) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== keyOf(variant);
}

async function compile(variant: Variant): Promise<void> {
  const folder = mkdtempSync(join(target, `${variant.name}-`));
  const binary = join(folder, 'engine.wasm');
  for (const [name, text] of sourcesOf(variant)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const flags = ['index.ts', '--outFile', binary, ...flagsOf(variant)];
  try {
    await promisify(execFile)(process.execPath, [compiler, ...flags], { cwd: folder });
    renameSync(binary, join(target, `${variant.name}.wasm`));
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    throw new Error(`the engine does not compile (${variant.name}):\n${output}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
  writeFileSync(join(target, `${variant.name}.key`), keyOf(variant));
}

/** Compiles until the list is empty. */
async function compileAll(stale: Variant[]): Promise<void> {
  for (let variant = stale.shift(); variant !== undefined; variant = stale.shift()) await compile(variant);
}

/** Writes the types of the exports; false if they were not those of the sources. */
function updateTypes(): boolean {
  const path = join(root, 'src/engine/exports.ts');
  const text = exportTypes((module) => readFileSync(join(assembly, `${module}.ts`), 'utf8'));
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return true;
  writeFileSync(path, text);
  return false;
}

const typesWereRight = updateTypes();
mkdirSync(target, { recursive: true });
const stale = variants.filter(isStale);
await Promise.all([compileAll(stale), compileAll(stale)]);
const binaries = join(process.argv[2]!, 'engine/wasm');
mkdirSync(binaries, { recursive: true });
for (const { name } of variants) cpSync(join(target, `${name}.wasm`), join(binaries, `${name}.wasm`));
if (!typesWereRight) {
  console.error(
    'engine: the exports have changed, and src/engine/exports.ts with them; build again to check their callers',
  );
  process.exitCode = 1;
}
