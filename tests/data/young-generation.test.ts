import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { createDataset } from '../../src/data/dataset.ts';
import { useHost } from '../../src/data/host.ts';
import { nodeHost } from '../../src/data/node-host.ts';

const module = (name: string) => JSON.stringify(pathToFileURL(name).href);

/** What a program prints that may use `newSpace()`, the bytes that V8 has reserved for short-lived objects. */
function run(program: string): number[] {
  const newSpace = `const newSpace = () => v8.getHeapSpaceStatistics().find((s) => s.space_name === 'new_space').space_size;`;
  const source = `import v8 from 'node:v8';\n${newSpace}\n${program}`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', source];
  return execFileSync(process.execPath, args, { encoding: 'utf8' }).trim().split(/\s+/).map(Number);
}

const MiB = 2 ** 20;

it('holds while a dataset is made', async () => {
  let isReading = false;
  const whileReading: typeof nodeHost.whileReading = async (work) => {
    isReading = true;
    return work().finally(() => {
      isReading = false;
    });
  };
  const seen: boolean[] = [];
  const onProgress = () => {
    seen.push(isReading);
  };
  useHost({ ...nodeHost, whileReading });
  try {
    const documents = ['Stone garden boat. '.repeat(500), 'Lamp letter shadow. '.repeat(500)];
    await createDataset({ documents, tokenizer: 'bytes', seqLen: 64, seed: 0, heldOutFraction: 0.5, onProgress });
  } finally {
    useHost(nodeHost);
  }
  expect(seen.length).toBeGreaterThan(0);
  expect(seen).not.toContain(false);
});

it('keeps it small until the last of several readers is done, also where one fails', () => {
  const [during = 0, after = 0] = run(`
    const { withSmallYoungGeneration } = await import(${module('src/data/young-generation.ts')});
    const fill = () => { const kept = []; for (let i = 0; i < 8e5; i++) kept[i % 200_000] = { i }; return newSpace(); };
    const before = newSpace();
    let end;
    const last = withSmallYoungGeneration(() => new Promise((resolve) => { end = resolve; }));
    await withSmallYoungGeneration(async () => { throw new Error('unreadable'); }).catch(() => {});
    const during = fill();
    end();
    await last;
    console.log(during - before, fill() - before);
  `);
  expect(during).toBeLessThanOrEqual(2 * MiB);
  expect(after).toBeGreaterThan(4 * MiB);
});
