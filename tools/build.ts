// Builds `dist`: compiles the engine, compiles the TypeScript with its type check, and makes the command executable.
//
// Programs may run from `dist` while this works. A study of half an hour is one: it starts a process for each of its
// runs. So everything is built in a folder beside it, and only when that has succeeded does each file that changed
// replace the old one, by a rename: no file is missing at any moment. When nothing changed, nothing is built.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesIn, publish } from './publish.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const keyName = '.build-key';
const command = 'cli/main.js';
const labFolder = 'lab-page';
/** What the result depends on: these folders, less what the build itself puts into `src`, and these files. */
const folders = ['src', 'lab', 'corpora', 'tools/engine', 'tools/bundle', 'tools/lab'];
const builtInSource = ['src/engine/wasm', 'src/tensor/tfjs-registrations.js'].map((path) => join(path));
const files = [
  'tools/build.ts',
  'tools/publish.ts',
  'tsconfig.json',
  'tsconfig.build.json',
  'package.json',
  'package-lock.json',
];

function inputs(): string[] {
  const inFolders = folders.flatMap((folder) => filesIn(join(root, folder)).map((path) => join(folder, path)));
  return [...inFolders, ...files].filter((path) => !builtInSource.some((built) => path.startsWith(built))).sort();
}

/** Changes when one of the inputs does. */
function buildKey(): string {
  const hash = createHash('sha256');
  for (const path of inputs()) {
    hash.update(`${path}\0`);
    hash.update(readFileSync(join(root, path)));
  }
  return hash.digest('hex');
}

function isUpToDate(key: string): boolean {
  const keyFile = join(dist, keyName);
  return existsSync(join(dist, command)) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key;
}

function run(script: string, ...args: string[]): void {
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`${relative(root, script)} failed; dist is as it was`);
}

function buildInto(folder: string): void {
  const tsc = fileURLToPath(new URL('../bin/tsc', import.meta.resolve('typescript')));
  run(join(root, 'tools/engine/build.ts'), folder); // first: it writes types that `tsc` reads
  run(tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', folder);
  run(join(root, 'tools/bundle/build.ts'), folder);
  buildLab(folder);
  chmodSync(join(folder, command), 0o755);
}

/** Folders of the library that the lab reaches nothing of. */
const notInLab = /^(cli|serve|lab|report|experiments|bench|interchange)\//;

/** Builds the lab, or takes the one of `dist` where neither it nor the library that it is made of has changed. */
function buildLab(folder: string): void {
  const hash = createHash('sha256');
  const library = filesIn(folder).filter((path) => /\.(js|wasm)$/.test(path) && !notInLab.test(path));
  const sources = ['lab', 'corpora', 'tools/lab'].flatMap((name) =>
    filesIn(join(root, name)).map((path) => join(root, name, path)),
  );
  for (const path of [
    ...library.map((name) => join(folder, name)),
    ...sources,
    join(root, 'package-lock.json'),
  ].sort()) {
    hash.update(`${relative(path.startsWith(folder) ? folder : root, path)}\0`);
    hash.update(readFileSync(path));
  }
  const key = hash.digest('hex');
  const [built, page] = [join(dist, labFolder), join(folder, labFolder)];
  const isSame = existsSync(join(built, keyName)) && readFileSync(join(built, keyName), 'utf8') === key;
  if (isSame) cpSync(built, page, { recursive: true });
  else run(join(root, 'tools/lab/build.ts'), folder, page);
  writeFileSync(join(page, keyName), key);
}

function build(key: string): void {
  const folder = mkdtempSync(join(root, '.build-'));
  try {
    buildInto(folder);
    publish(folder, dist);
    writeFileSync(join(dist, keyName), key);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const key = buildKey();
if (!isUpToDate(key)) {
  const start = performance.now();
  console.error('Building TinySeek (only needed when its sources have changed) ...');
  try {
    build(key);
    console.error(`Built in ${((performance.now() - start) / 1000).toFixed(0)} s.`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
