// Contract: `tinyseek/core` reaches nothing of Node's, so that it can train in a browser: no built-in module, no global
// that a page lacks, no package that needs one. The whole closure of its imports is followed.

import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const source = fileURLToPath(new URL('../../src', import.meta.url));
const nodeOnly = /\b(Buffer|process|global|require|setImmediate|createRequire|__dirname|__filename)\b/;
const packages = [
  '@huggingface/tokenizers',
  '@tensorflow/tfjs-backend-cpu',
  '@tensorflow/tfjs-backend-webgpu',
  '@tensorflow/tfjs-core',
  'fastest-levenshtein',
  'gpt-tokenizer/bpeRanks/cl100k_base',
  'gpt-tokenizer/bpeRanks/o200k_base',
  'gpt-tokenizer/bpeRanks/r50k_base',
  'gpt-tokenizer/encodingParams/constants',
  'zod',
];

/** What a file imports when it runs, sooner or later: paths relative to `src`, or packages. */
function runtimeImports(file: string): string[] {
  const text = readFileSync(join(source, file), 'utf8');
  const found = text.matchAll(/^(?:import|export)\b(?!\s+type\b)(?:[^'";]*?from)?\s*'([^']+)'|\bimport\('([^']+)'\)/gm);
  return Array.from(found, ([, now, later]) => {
    const to = now ?? later ?? '';
    return to.startsWith('.') ? relative('', join(dirname(file), to)) : to;
  });
}

/** Every file that an entry reaches, and what each imports. */
function reachedFrom(entry: string): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, readonly string[]>();
  const visit = (file: string) => {
    if (files.has(file)) return;
    const imports = runtimeImports(file);
    files.set(file, imports);
    for (const to of imports) if (to.endsWith('.ts')) visit(to);
  };
  visit(entry);
  return files;
}

/** Code without comments and texts. */
function codeOf(file: string): string {
  const text = readFileSync(join(source, file), 'utf8');
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|`[^`]*`/g, '');
}

describe('tinyseek/core, and what beyond-training.ts adds to it', () => {
  const files = new Map([...reachedFrom('core.ts'), ...reachedFrom('beyond-training.ts')]);
  const outside = [...files.values()].flat().filter((to) => !to.endsWith('.ts'));

  it('is most of the program', () => {
    expect(files.size).toBeGreaterThan(200);
    for (const file of [
      'train/trainer.ts',
      'engine/engine.ts',
      'generate/batch/batch-generator.ts',
      'runs/opfs-store.ts',
    ]) {
      expect(files.has(file)).toBe(true);
    }
  });

  it('imports these packages and nothing of Node', () => {
    const built = 'tensor/tfjs-registrations.js';
    expect([...new Set(outside)].filter((to) => to !== built).sort()).toEqual(packages);
  });

  it('uses no global of Node', () => {
    expect([...files.keys()].filter((file) => nodeOnly.test(codeOf(file)))).toEqual([]);
  });

  it('is all that the program for Node adds to', () => {
    const added = [...reachedFrom('index.ts').keys()].filter((file) => !files.has(file));
    expect(added).toContain('node.ts');
    expect(added.filter((file) => /^(config|layers|mla|moe|mtp|model|ops|tensor|precision)\//.test(file))).toEqual([]);
  });
});
