// A run goes on with the text it was trained on: another one, or another order, is refused unless it is asked for.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { brotliBitsPerByte } from '../../src/data/brotli.ts';
import { createDataset } from '../../src/data/dataset.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { resumeRun, train } from '../../src/train/trainer.ts';
import { label, seaDocuments, seaRun, seaTrain } from '../runs/nano-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tinyseek-data-changes-'));
const data = join(folder, 'sea.jsonl');
const documents = seaDocuments();
let runs = 0;
let runDir = '';

const write = (texts: readonly string[]) =>
  writeFileSync(data, texts.map((text) => JSON.stringify({ text })).join('\n'));
const settings = () => JSON.parse(readFileSync(join(runDir, 'run.json'), 'utf8'));
/** The same letters in other places. */
const otherLetters = (text: string) => text.replaceAll('e', '#').replaceAll('a', 'e').replaceAll('#', 'a');

const quick = { ...seaRun, train: { ...seaTrain, data, steps: 3, evalEvery: 0, sampleTokens: 0 } };

/** Stops a run after its second step, with a checkpoint of that step. */
async function stopped(tokenizer = 'bytes'): Promise<void> {
  write(documents);
  const onEvent = (event: TrainEvent) => {
    if (label(event) === 'checkpoint 2') throw new Error('killed');
  };
  const run = train({ ...quick, train: { ...quick.train, tokenizer, checkpointEvery: 2 }, runDir, onEvent });
  await expect(run).rejects.toThrow('killed');
}

async function resumed(options: { readonly dataChanged?: boolean } = {}): Promise<string[]> {
  const warnings: string[] = [];
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'warning') warnings.push(event.message);
  };
  await resumeRun({ runDir, onEvent, ...options });
  return warnings.filter((warning) => !warning.includes('held out'));
}

beforeEach(() => {
  runDir = join(folder, `run${runs++}`);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the text of a resumed run', () => {
  it.each([
    ['other words of the same lengths', documents.map(otherLetters)],
    ['the same documents in another order', [...documents.slice(5), ...documents.slice(0, 5)]],
    ['a document less', documents.slice(1)],
  ])('is refused with both hashes where it is %s', async (_, changed) => {
    await stopped();
    const { dataSha256: before } = settings();
    write(changed);
    const now = await (await createDataset({ ...quick.train, cacheDir: null })).sha256!();
    expect(now).not.toBe(before);
    await expect(resumed()).rejects.toThrow(
      new RegExp(`trained on SHA-256 ${before}, and now it is ${now}; .*--data-changed`),
    );
    expect(settings().dataSha256).toBe(before);
    write(documents);
    expect(await resumed()).toEqual([]);
  });

  it.each(['bytes', 'bpe:283'])(
    'may have changed if somebody says so, and the run says so from then on: %s',
    async (tokenizer) => {
      await stopped(tokenizer);
      const before = settings();
      const tokenizerBefore = readFileSync(join(runDir, 'checkpoints/step-00000002/tokenizer.json'), 'utf8');
      write(documents.map(otherLetters));
      expect(await resumed({ dataChanged: true })).toEqual([expect.stringMatching(/has changed: from step 2 on/)]);
      const { dataSha256: now, dataChanges, brotliBitsPerByte: brotli } = settings();
      expect(dataChanges).toEqual([{ atStep: 2, from: before.dataSha256, to: now }]);
      const dataset = await createDataset({ ...quick.train, cacheDir: null });
      expect(brotli).toBe(brotliBitsPerByte(dataset.heldOutText(0)));
      expect(brotli).not.toBe(before.brotliBitsPerByte);
      // The tokenizer is that of the run: its tokens mean what they meant.
      expect(readFileSync(join(runDir, 'checkpoints/step-00000003/tokenizer.json'), 'utf8')).toBe(tokenizerBefore);
      expect(await resumed()).toEqual([]);
      write(documents);
      await expect(resumed()).rejects.toThrow(now);
    },
  );

  it('is compared by its length alone in a run that kept no hash, and that is said once', async () => {
    await stopped();
    const { dataSha256, ...old } = settings();
    writeFileSync(join(runDir, 'run.json'), JSON.stringify(old));
    write(documents.slice(1));
    await expect(resumed()).rejects.toThrow(/trained on SHA-256 unknown, of another length/);
    write(documents);
    expect(await resumed()).toEqual([expect.stringMatching(/kept no hash of its text: only its length was compared/)]);
    expect(settings().dataSha256).toBe(dataSha256);
    expect(await resumed()).toEqual([]);
  });
});
