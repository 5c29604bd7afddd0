import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();

describe('data', () => {
  it('lists the built-in corpora', async () => {
    const { code, stdout } = await runCli(['data', 'list', '--json']);
    const { corpora } = JSON.parse(stdout);
    expect(corpora.map(({ name }: { name: string }) => name)).toEqual([
      'moby-dick',
      'speeches',
      'code',
      'math',
      'languages',
      'addition',
      'path-star',
    ]);
    expect(code).toBe(0);
  });

  it('shows the size and the beginning of corpora and files', async () => {
    const file = temporary.file('notes.txt');
    writeFileSync(file, 'One whale.\x1b[31m\n');
    const { stdout } = await runInResident(['data', 'show', file, '--json']);
    expect(JSON.parse(stdout)).toEqual({
      corpora: [{ domain: 'notes', weight: 1, documents: 1, bytes: 16, beginning: 'One whale.\x1b[31m\n' }],
    });
    const human = await runInResident(['data', 'show', file]);
    expect(human.stdout).toContain('notes: 1 document, 16 B. It begins:\n│ One whale.·[31m');
  });

  it('counts the tokens of each corpus', async () => {
    const file = temporary.file('notes.txt');
    writeFileSync(file, 'abcab');
    const { stdout } = await runCli(['data', 'tokenize', file, '--tokenizer', 'bytes', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      tokenizer: 'bytes',
      domains: [{ domain: 'notes', documents: 1, bytes: 5, tokens: 5, bytesPerToken: 1, distinctIds: 3 }],
    });
  });

  it('names what is unknown, with the nearest name', async () => {
    const corpus = await runInResident(['data', 'show', 'mobi-dick']);
    expect([corpus.code, corpus.stderr]).toEqual([1, expect.stringMatching(/^tinyseek: .*did you mean "moby-dick"/)]);
    const tokenizer = await runInResident(['data', 'tokenize', 'math', '--tokenizer', 'byts']);
    expect([tokenizer.code, tokenizer.stderr]).toEqual([1, expect.stringMatching(/^tinyseek: .*did you mean "bytes"/)]);
  });
});

describe('a reader that leaves early', () => {
  it('is no error', async () => {
    const main = resolve(import.meta.dirname, '../../dist/cli/main.js');
    const child = spawn(process.execPath, [main, 'data', 'show', 'moby-dick', '--json']);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdout.destroy();
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(stderr).toBe('');
  });
});

describe('doctor', () => {
  it('lists every backend with its state, its speed or how to get it', async () => {
    const { code, stdout } = await runCli(['doctor', '--json']);
    expect(code).toBe(0);
    const { node, cores, memoryBytes, backends } = JSON.parse(stdout);
    expect([node, cores > 0, memoryBytes > 0]).toEqual([process.versions.node, true, true]);
    const byName = new Map(backends.map((backend: { name: string }) => [backend.name, backend]));
    expect([...byName.keys()].sort()).toEqual(['cpu', 'engine', 'tensorflow', 'wasm', 'webgpu']);
    for (const name of ['engine', 'cpu', 'wasm']) {
      expect(byName.get(name)).toMatchObject({ available: true, gflops: expect.any(Number) });
    }
    expect(byName.get('engine')).toMatchObject({
      threads: cores,
      variant: expect.any(String),
      advice: expect.any(Array),
    });
    const { variant, variants } = byName.get('engine') as { variant: string; variants: object[] };
    expect(variants).toContainEqual({ name: variant, gflops: expect.any(Number), problem: null });
    expect(byName.get('tensorflow')).toMatchObject({
      available: false,
      howToGet: expect.stringContaining('npm install'),
    });
  });

  it('prints the same for people', async () => {
    const { stdout } = await runCli(['doctor']);
    expect(stdout).toMatch(/^Node \d+\./);
    expect(stdout).toMatch(/wasm: ready, [\d.,]+ GFLOP\/s/);
    expect(stdout).toMatch(
      /engine: ready, [\d.,]+ GFLOP\/s\n +own CPU engine: .* threads?; variant .*GFLOP\/s on one thread/,
    );
    expect(stdout).toMatch(/Fastest here: --backend \w+\n$/);
    expect(stdout).toMatch(/tensorflow: missing\n.*\n?.*npm install @tensorflow\/tfjs-node/);
  });
});
