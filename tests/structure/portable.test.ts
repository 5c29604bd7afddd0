// Contract: what a run consists of reaches nothing of Node's, so that it can train in a browser: the loop, the stores
// without a file system, the data that is in memory. The folders it computes with are not followed here.

import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const source = fileURLToPath(new URL('../../src', import.meta.url));
const roots = [
  ...['train/start-run.ts', 'train/continue-run.ts', 'train/event-iterator.ts', 'train/pause.ts'],
  ...['train/own-data.ts', 'train/model-contents.ts', 'runs/memory-store.ts', 'runs/opfs-store.ts'],
  ...['data/assemble-dataset.ts', 'data/documents.ts', 'data/held-out.ts'],
];
const followed = /^(train|runs|io|data|config|errors\.ts)/;
const nodeOnly = /\b(Buffer|process|setImmediate|createRequire|__dirname)\b/;

/** The imports of a file that are still there when it runs, relative to `src` or as packages. */
function runtimeImports(file: string): string[] {
  const text = readFileSync(join(source, file), 'utf8');
  const statements = text.matchAll(/^(?:import|export)\b(?!\s+type\b)[^'";]*?from\s*'([^']+)'/gm);
  return Array.from(statements, ([, to = '']) => (to.startsWith('.') ? relative('', join(dirname(file), to)) : to));
}

function reached(): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, readonly string[]>();
  const visit = (file: string) => {
    if (files.has(file) || !followed.test(file)) return;
    const imports = runtimeImports(file);
    files.set(file, imports);
    for (const to of imports) visit(to);
  };
  for (const root of roots) visit(root);
  return files;
}

/** Code without comments and texts. */
function codeOf(file: string): string {
  const text = readFileSync(join(source, file), 'utf8');
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|`[^`]*`/g, '');
}

describe('what a run consists of', () => {
  const files = reached();

  it('is a good part of the program', () => {
    expect(files.size).toBeGreaterThan(60);
  });

  it('imports nothing of Node', () => {
    const wrong = [...files].flatMap(([file, imports]) => {
      return imports.filter((to) => to.startsWith('node:')).map((to) => `${file} -> ${to}`);
    });
    expect(wrong).toEqual([]);
  });

  it('uses no global of Node', () => {
    expect([...files.keys()].filter((file) => nodeOnly.test(codeOf(file)))).toEqual([]);
  });
});
