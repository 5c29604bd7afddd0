// Contract: which folder may import which. The table is that of docs/architecture.md.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const source = fileURLToPath(new URL('../../src', import.meta.url));

const mayImport: Record<string, readonly string[]> = {
  config: [],
  precision: ['config'],
  tensor: [],
  ops: ['tensor', 'precision', 'config'],
  engine: ['ops', 'tensor', 'precision'],
  webgpu: ['ops', 'tensor', 'precision', 'config'],
  backends: ['engine', 'webgpu', 'tensor'],
  layers: ['ops', 'tensor', 'config'],
  mla: ['layers', 'ops', 'tensor', 'config'],
  moe: ['layers', 'ops', 'tensor', 'config'],
  mtp: ['layers', 'ops', 'tensor', 'config'],
  model: ['mla', 'moe', 'mtp', 'layers', 'ops', 'tensor', 'config'],
  io: ['tensor', 'config'],
  runs: ['io'],
  data: ['config'],
  generate: ['engine', 'webgpu', 'model', 'mla', 'layers', 'ops', 'data', 'io', 'runs', 'tensor', 'config'],
  serve: ['generate', 'data', 'config'],
  lab: ['serve', 'io'],
  train: ['runs', 'backends', 'model', 'moe', 'mtp', 'ops', 'data', 'io', 'generate', 'tensor', 'precision', 'config'],
  evaluate: ['generate', 'model', 'ops', 'data', 'io', 'tensor', 'config'],
  'long-context': ['evaluate', 'train', 'generate', 'model', 'layers', 'ops', 'data', 'io', 'runs', 'tensor', 'config'],
  'post-training': [
    ...['evaluate', 'train', 'backends', 'generate', 'model', 'moe', 'mtp', 'ops', 'data', 'io', 'runs'],
    ...['tensor', 'config'],
  ],
  cluster: [
    'memory',
    ...['train', 'backends', 'engine', 'generate', 'model', 'mla', 'moe', 'mtp', 'layers', 'ops', 'data', 'io', 'runs'],
    ...['tensor', 'precision', 'config'],
  ],
  inspect: ['train', 'generate', 'model', 'mla', 'moe', 'layers', 'ops', 'tensor', 'config'],
  report: ['train', 'config', 'io'],
  display: ['report'],
  experiments: [
    ...['post-training', 'long-context', 'cluster', 'evaluate'],
    ...['train', 'report', 'backends', 'generate', 'model', 'mla', 'moe', 'mtp', 'layers', 'data', 'ops', 'io', 'runs'],
    ...['tensor', 'precision', 'config'],
  ],
  interchange: ['report', 'train', 'generate', 'data', 'io', 'config'],
  memory: ['train', 'model', 'engine', 'data', 'tensor', 'config'],
  bench: ['memory', 'train', 'generate', 'model', 'ops', 'engine', 'webgpu', 'data', 'tensor', 'config'],
  cli: [
    ...['backends', 'engine', 'config', 'tensor', 'model', 'io', 'data', 'generate', 'train', 'report', 'bench'],
    ...[
      'memory',
      'serve',
      'interchange',
      'experiments',
      'runs',
      'evaluate',
      'long-context',
      'post-training',
      'cluster',
      'lab',
    ],
  ],
};

/** Folders of which another may take types only. */
const typesOnly: Record<string, readonly string[]> = {
  report: ['train', 'config'],
  ops: ['config'],
  webgpu: ['config'],
  data: ['config'],
  bench: ['data'],
  memory: ['data'],
  interchange: ['report'],
  generate: ['runs'],
  inspect: ['train', 'generate'],
};

const packages: Record<string, RegExp> = {
  config: /^(zod|fastest-levenshtein)$/,
  tensor: /^(@tensorflow\/tfjs-(core|backend-cpu)|node:.*)$/,
  engine: /^(@tensorflow\/tfjs-backend-cpu|node:.*)$/,
  backends: /^(@tensorflow\/tfjs-backend-(wasm|webgpu)|node:.*)$/,
  report: /^(@observablehq\/plot|linkedom|node:.*)$/,
};

/** Files of the root that every folder may import, and the entries that make the program run on Node. */
const forAll = ['errors.ts', 'event-loop.ts', 'version.ts'];
const entries = ['cli/command.ts', 'experiments/arm-process.ts', 'cluster/ranks/rank-thread.ts'];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const statements = text.matchAll(/(?:^(?:import|export)\b([^'";]*?)from\s*|import\()'([^']+)'/gm);
  return Array.from(statements, ([, clause, to]) => {
    return { from: relative(source, file), to: to!, isType: /^\s*type\b/.test(clause ?? '') };
  });
}

function allImports(): Import[] {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return files.flatMap((name) => importsOf(join(source, name)));
}

const folderOf = (path: string) => path.split('/')[0]!;

describe('the import direction', () => {
  const imports = allImports().filter(({ from }) => from.includes('/'));

  it('has a row for every folder', () => {
    expect(Object.keys(mayImport).sort()).toEqual([...new Set(imports.map(({ from }) => folderOf(from)))].sort());
  });

  it('follows the table', () => {
    const wrong = imports.flatMap(({ from, to, isType }) => {
      if (!to.startsWith('.')) return [];
      const target = relative(source, join(source, dirname(from), to));
      const [own, other] = [folderOf(from), folderOf(target)];
      if (own === other || forAll.includes(target) || (target === 'node.ts' && entries.includes(from))) return [];
      const allowed = mayImport[own]!.includes(other) && (isType || !typesOnly[own]?.includes(other));
      return allowed ? [] : [`${from} -> ${target}`];
    });
    expect(wrong).toEqual([]);
  });

  it('keeps TF.js in src/tensor and packages out of src/config', () => {
    const wrong = imports.flatMap(({ from, to }) => {
      if (to.startsWith('.')) return [];
      const own = folderOf(from);
      if (packages[own] !== undefined) return packages[own].test(to) ? [] : [`${from} -> ${to}`];
      return to.startsWith('@tensorflow/') ? [`${from} -> ${to}`] : [];
    });
    expect(wrong).toEqual([]);
  });
});
