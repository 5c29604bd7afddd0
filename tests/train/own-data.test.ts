import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createDataset } from '../../src/data/dataset.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import type { Dataset } from '../../src/data/types.ts';
import { loadRun } from '../../src/report/load-run.ts';
import { type MemoryStore, memoryStore } from '../../src/runs/memory-store.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import type { OwnData } from '../../src/train/own-data.ts';
import { resumeRun, train } from '../../src/train/trainer.ts';
import { label, seaDocuments, seaRun, seaTrain, timeless } from '../runs/nano-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tinyseek-own-data-'));
const documents = seaDocuments();
const bpe = await createTokenizer('bpe:283', () => documents);
const vocabulary = { vocabSize: bpe.vocabSize };
const quick = { ...seaRun, train: { ...seaTrain, steps: 3, evalEvery: 0, sampleTokens: 0 } };

afterAll(() => rmSync(folder, { recursive: true }));

const losses = ({ files }: MemoryStore) =>
  timeless(new TextDecoder().decode(files.get('metrics.jsonl'))).map((line) =>
    Reflect.get(line as object, 'train/loss'),
  );

const settingsOf = ({ files }: MemoryStore) => JSON.parse(new TextDecoder().decode(files.get('run.json'))).train;

async function trained(own: OwnData, steps = 3): Promise<MemoryStore> {
  const store = memoryStore();
  await train({ ...quick, ...own, train: { ...quick.train, steps }, store });
  return store;
}

/** A run that dies after its second step, with a checkpoint of that step. */
async function killed(own: OwnData): Promise<MemoryStore> {
  const store = memoryStore();
  const onEvent = (event: TrainEvent) => {
    if (label(event) === 'checkpoint 2') throw new Error('killed');
  };
  await expect(train({ ...quick, ...own, store, onEvent })).rejects.toThrow('killed');
  return store;
}

/** A dataset that a caller wrote: it repeats one row, and its held-out part has no text. */
function ownDataset(seqLen = 13): Dataset {
  const batch = (batchSize: number) => ({
    batchSize,
    seqLen,
    ids: Int32Array.from({ length: batchSize * (seqLen + 1) }, (_, i) => i % 7),
    documentIds: new Int32Array(batchSize * (seqLen + 1)),
    domains: new Int32Array(batchSize),
  });
  return {
    tokenizer: bpe,
    domains: ['mine'],
    trainTokens: 17,
    trainBatch: (_index, batchSize) => batch(batchSize),
    heldOutBatches: () => [batch(1)],
    heldOutText: () => '',
  };
}

describe('documents', () => {
  it('give what the same texts in a file would', async () => {
    const [first, ...rest] = documents;
    const [store, again] = [await trained({ documents }), await trained({ documents: new Set([first!, ...rest]) })];
    expect(losses(store)).toEqual(losses(again));
    expect(settingsOf(store)).toMatchObject({ data: 'text in memory', tokenizer: 'bytes' });
  });

  it('may be token ids, with the tokenizer that made them: the same bits as the texts', async () => {
    const ids = documents.map((text) => bpe.encode(text));
    const rows = [ids.map((row) => Array.from(row)), ids];
    // All but the split into training and held-out documents, which goes by the ids.
    const share = { heldOutFraction: 0.1, seed: 7, seqLen: 13, tokenizer: bpe };
    const [a, b] = await Promise.all(rows.map((row) => createDataset({ documents: row, ...share })));
    expect(a?.trainBatch(0, 5)).toEqual(b?.trainBatch(0, 5));
    expect(documents).toContain(a?.heldOutText(0).match(/^[^.]*\./)?.[0]);
    const store = await trained({ documents: ids, tokenizer: bpe });
    expect(losses(store)).toHaveLength(4); // three steps and an evaluation
    expect(settingsOf(store)).toMatchObject({ data: 'text in memory', tokenizer: 'bpe:283 (given)' });
  });

  it.each<[string, OwnData, RegExp]>([
    ['no text', { documents: ['', ' \n'] }, /documents are empty/],
    ['both kinds', { documents: ['a b c', [1, 2]] }, /texts and token ids mixed/],
    [
      'an id that the tokenizer lacks',
      { documents: [Array(40).fill(283)], tokenizer: bpe },
      /token id 283, .* ids 0 to 282/,
    ],
    ['two sources', { documents, dataset: ownDataset() }, /leave documents and tokenizer out/],
  ])('that have %s are refused', async (_, own, message) => {
    await expect(train({ ...quick, ...own, store: memoryStore() })).rejects.toThrow(message);
  });

  it('of token ids cannot train a tokenizer, nor be rewritten for fill-in-the-middle', async () => {
    const common = { documents: documents.map((text) => bpe.encode(text)), seqLen: 13, seed: 1, heldOutFraction: 0.1 };
    await expect(createDataset({ ...common, tokenizer: 'bpe:300' })).rejects.toThrow('cannot be trained on token ids');
    await expect(createDataset({ ...common, tokenizer: bpe, fimRate: 0.5 })).rejects.toThrow('set fimRate to 0');
  });

  it('have to be given again to a run that goes on, their tokenizer has not', async () => {
    const ids = documents.map((text) => bpe.encode(text));
    const whole = await trained({ documents: ids, tokenizer: bpe });
    const store = await killed({ documents: ids, tokenizer: bpe });
    await expect(resumeRun({ store })).rejects.toThrow(/documents or a dataset that a program had in memory/);
    await expect(resumeRun({ store, documents: [...ids, ...ids] })).rejects.toThrow('has changed');
    const other = await createTokenizer('bpe:283', () => [seaDocuments().join(' ').toUpperCase()]);
    await expect(resumeRun({ store, documents: ids, tokenizer: other })).rejects.toThrow('another one was given');
    await resumeRun({ store, documents: ids });
    expect(losses(store)).toEqual(losses(whole));
  });

  it('cannot take the place of other data, nor a tokenizer of another one', async () => {
    const store = memoryStore();
    const data = join(folder, 'sea.txt');
    writeFileSync(data, documents.join('\n\n'));
    await train({ ...quick, train: { ...quick.train, data }, store });
    await expect(resumeRun({ store, documents })).rejects.toThrow(/was trained on .*sea\.txt; leave documents/);
    await expect(resumeRun({ store, tokenizer: bpe })).rejects.toThrow('the tokenizer bytes; leave tokenizer out');
  });
});

describe('a dataset', () => {
  it('of a caller is trained on, without a yardstick where it has no text', async () => {
    const runDir = join(folder, 'mine');
    await train({ ...quick, model: { ...quick.model, ...vocabulary }, dataset: ownDataset(), runDir });
    const run = JSON.parse(readFileSync(join(runDir, 'run.json'), 'utf8'));
    expect(run.brotliBitsPerByte).toBe(null);
    expect(run.train).toMatchObject({ data: 'text in memory', tokenizer: 'bpe:283 (given)' });
    expect(loadRun(runDir).settings.brotliBitsPerByte).toBe(null);
    const { finished } = await resumeRun({ runDir, dataset: ownDataset() });
    expect(finished).toBe(true);
  });

  it('has to fit the settings', async () => {
    const attempt = (dataset: Dataset) => train({ ...quick, dataset, store: memoryStore() });
    await expect(attempt(ownDataset(11))).rejects.toThrow('have 11 tokens, and seqLen is 13; set seqLen to 11');
    await expect(attempt({ ...ownDataset(), domains: [] })).rejects.toThrow('no domain');
  });
});
