import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateMath } from '../../src/data/corpora/math.ts';
import { createDataset, type DatasetOptions } from '../../src/data/dataset.ts';
import type { DataProgress } from '../../src/data/progress.ts';
import { createBytesTokenizer } from '../../src/data/tokenizers/bytes.ts';
import { tokenizerFromHuggingFace } from '../../src/data/tokenizers/hugging-face-tokenizer.ts';
import type { Batch, Dataset } from '../../src/data/types.ts';
import { UserError } from '../../src/errors.ts';
import { tempFolder } from './temp-folder.ts';

const folder = tempFolder();
const bytes = createBytesTokenizer();
const eos = bytes.eosTokenId;

// Documents that are known by their first word and their letters.
const words = Array.from({ length: 31 }, (_, i) => `word${i} ${String.fromCharCode(97 + (i % 26)).repeat(5 + i)}.\n`);
const sums = generateMath(20_011, 3);
const wordsFile = folder.write('words.jsonl', words.map((text) => JSON.stringify({ text })).join('\n'));
const sumsFile = folder.write('sums.jsonl', sums.map((text) => JSON.stringify({ text })).join('\n'));

const options: DatasetOptions = {
  data: `${wordsFile}:1,${sumsFile}:2`,
  tokenizer: bytes,
  seqLen: 37,
  seed: 5,
  heldOutFraction: 0.13,
  documentMask: false,
  fimRate: 0,
  splitPunctuationRate: 0,
  cacheDir: null,
};

function rowsOf(batch: Batch): { ids: number[]; documentIds: number[]; domain: number }[] {
  const length = batch.seqLen + 1;
  return Array.from(batch.domains, (domain, i) => ({
    ids: Array.from(batch.ids.subarray(i * length, (i + 1) * length)),
    documentIds: Array.from(batch.documentIds.subarray(i * length, (i + 1) * length)),
    domain,
  }));
}

const heldOutTargets = (dataset: Dataset, domain: number): number[] =>
  [...dataset.heldOutBatches(domain, 3)].flatMap((batch) => rowsOf(batch).flatMap((row) => row.ids.slice(1)));

describe('createDataset', async () => {
  const dataset = await createDataset(options);

  it('names the domains and has rows of seqLen + 1 ids', () => {
    expect(dataset.domains).toEqual(['words', 'sums']);
    const batch = dataset.trainBatch(0, 5);
    expect(batch).toMatchObject({ batchSize: 5, seqLen: 37 });
    expect(batch.ids).toHaveLength(5 * 38);
    expect(rowsOf(batch).every((row) => row.documentIds[0] === 0)).toBe(true);
  });

  it('property: a batch is a function of (options, index): other batches, sizes and instances change nothing', async () => {
    const rows = Array.from({ length: 200 }, (_, i) => rowsOf(dataset.trainBatch(i, 1))[0]);
    const again = await createDataset(options);
    for (const [index, size] of [
      [191, 9],
      [0, 17],
      [103, 31],
      [1, 1],
      [64, 64],
    ] as const) {
      expect(rowsOf(again.trainBatch(index, size))).toEqual(rows.slice(index, index + size));
    }
  });

  it('mixes domains by their weights', () => {
    const { domains } = dataset.trainBatch(0, 300);
    expect(domains.filter((domain) => domain === 1)).toHaveLength(200);
  });

  it('shows every row of a domain once per epoch, in another order each time, also when a run stops and resumes', async () => {
    const single = { ...options, data: wordsFile };
    const first = await createDataset(single);
    const numRows = Math.floor((first.trainTokens - 1) / 37);
    const resumed = await createDataset(single);
    const rows = (from: Dataset, start: number, count: number) =>
      rowsOf(from.trainBatch(start, count)).map((row) => row.ids.join());
    const epoch0 = [...rows(first, 0, 11), ...rows(resumed, 11, numRows - 11)];
    const epoch1 = rows(resumed, numRows, numRows);
    expect(epoch1).not.toEqual(epoch0);
    const stream = trainingStreamIds(await createDataset({ ...single, seqLen: first.trainTokens - 1 }));
    const placeOf = new Map(stream.map((_, i) => [stream.slice(i, i + 38).join(), i]));
    for (const epoch of [epoch0, epoch1]) {
      const places = epoch.map((row) => placeOf.get(row) ?? Number.NaN).sort((a, b) => a - b);
      expect(places).toEqual(Array.from({ length: numRows }, (_, i) => places[0]! + 37 * i));
    }
  });

  it('changes order and held-out documents with the seed', async () => {
    const other = await createDataset({ ...options, seed: 7 });
    expect(other.trainBatch(0, 8)).not.toEqual(dataset.trainBatch(0, 8));
    expect(other.heldOutText(0)).not.toBe(dataset.heldOutText(0));
  });

  it('never trains on a held-out document, and on every other', async () => {
    const single = { ...options, data: wordsFile };
    const { trainTokens } = await createDataset(single);
    const whole = await createDataset({ ...single, seqLen: trainTokens - 1 });
    const trained = splitAt(trainingStreamIds(whole).slice(1), eos).map((ids) => bytes.decode(ids));
    const heldOut = words.filter((text) => whole.heldOutText(0).includes(text));
    expect(heldOut.length).toBeGreaterThan(0);
    expect(trained).toEqual(words.filter((text) => !heldOut.includes(text)));
  });

  it('guards B8: the held-out targets are the held-out documents, each with its end token, byte for byte', () => {
    for (const domain of [0, 1]) {
      const targets = heldOutTargets(dataset, domain);
      expect(bytes.decode(targets)).toBe(dataset.heldOutText(domain));
      const documents = [words, sums][domain]!.filter((text) => dataset.heldOutText(domain).includes(text));
      expect(targets.filter((id) => id === eos)).toHaveLength(documents.length);
      expect(targets.at(-1)).toBe(eos);
    }
  });

  it('trains a tokenizer on the training documents only', async () => {
    const trained = await createDataset({ ...options, data: wordsFile, tokenizer: 'bpe:311' });
    const vocabulary = Array.from({ length: 311 }, (_, id) => trained.tokenizer.decode([id]));
    const heldOutLetters = words
      .filter((text) => trained.heldOutText(0).includes(text))
      .map((text) => text.slice(-3, -2))
      .filter((letter) => words.filter((text) => text.includes(letter.repeat(4))).length === 1);
    expect(heldOutLetters.length).toBeGreaterThan(0);
    for (const letter of heldOutLetters) expect(vocabulary).not.toContain(letter.repeat(2));
  });
});

describe('what a dataset says of its text', () => {
  it('warns of held-out text that is too short to measure anything', async () => {
    const warned = (await createDataset({ ...options, data: wordsFile })).warnings;
    expect(warned).toEqual([
      expect.stringMatching(
        /^data: of the \d+ characters of words, \d+ are held out: too few .*heldOutFraction is 0.13/,
      ),
    ]);
    expect((await createDataset({ ...options, data: sumsFile, heldOutFraction: 0.3 })).warnings).toEqual([]);
  });

  it('tells how far it is, and what it found in the files', async () => {
    const rows = folder.write(
      'rows.jsonl',
      `{"text": null}\n${sums.map((text) => JSON.stringify({ text })).join('\n')}`,
    );
    const stages: string[] = [];
    const onProgress = ({ stage, done, total }: DataProgress) => {
      stages.push(stage);
      if (total !== null) expect(done).toBeLessThanOrEqual(total);
    };
    const { notes } = await createDataset({ ...options, data: rows, tokenizer: 'bpe:300', onProgress });
    expect(notes).toEqual([`data: rows without a text (null) were skipped: 1 in ${rows}`]);
    expect([...new Set(stages)]).toEqual(['reading', 'training the tokenizer', 'tokenizing']);
  });

  it('has a hash of all tokens and their order, and of no more', async () => {
    const hash = async (changes: Partial<DatasetOptions>) =>
      (await createDataset({ ...options, ...changes })).sha256!();
    const plain = await hash({});
    expect(await hash({ cacheDir: join(folder.path, 'hashes') })).toBe(plain);
    expect(await hash({ cacheDir: join(folder.path, 'hashes') })).toBe(plain);
    expect(await hash({ data: `${sumsFile}:2,${wordsFile}:1` })).not.toBe(plain);
    expect(await hash({ seed: 6 })).not.toBe(plain);
    expect(await hash({ fimRate: 0.1 })).not.toBe(plain);
  });
});

describe('packing in the dataset', () => {
  it('with a mask: only the step between two end tokens crosses documents', async () => {
    const dataset = await createDataset({ ...options, documentMask: true });
    const rows = rowsOf(dataset.trainBatch(0, 400));
    for (const { ids, documentIds } of rows) {
      for (let i = 0; i < 37; i++) {
        const crosses = documentIds[i] !== documentIds[i + 1];
        expect(crosses).toBe(ids[i] === eos && ids[i + 1] === eos);
      }
    }
    const labels = heldOutTargets(dataset, 0).filter((id) => id !== eos);
    expect(bytes.decode(labels)).toBe(dataset.heldOutText(0));
  });

  it('without a mask: a new document begins right after the end token of the last', async () => {
    const dataset = await createDataset(options);
    for (const { ids, documentIds } of rowsOf(dataset.trainBatch(0, 400))) {
      for (let i = 1; i < 37; i++) expect(documentIds[i + 1]! - documentIds[i]!).toBe(ids[i] === eos ? 1 : 0);
    }
  });
});

describe('changes to the training text', () => {
  it('rewrites about the share of documents asked for in PSM order, and no held-out one', async () => {
    const dataset = await createDataset({ ...options, data: sumsFile, seqLen: 5, fimRate: 0.5 });
    const plain = await createDataset({ ...options, data: sumsFile, seqLen: 5 });
    const { begin, hole, end } = bytes.fim;
    const stream = trainingStreamIds(
      await createDataset({ ...options, data: sumsFile, fimRate: 0.5, seqLen: dataset.trainTokens - 1 }),
    );
    const documents = splitAt(stream.slice(1), eos);
    const rewritten = documents.filter((ids) => ids[0] === begin);
    expect(rewritten.length / documents.length).toBeGreaterThan(0.1);
    expect(rewritten.length / documents.length).toBeLessThan(0.9);
    for (const ids of rewritten) {
      const [prefix, suffix, middle] = [
        ids.slice(1, ids.indexOf(hole)),
        ids.slice(ids.indexOf(hole) + 1, ids.indexOf(end)),
        ids.slice(ids.indexOf(end) + 1),
      ];
      expect(sums).toContain(bytes.decode([...prefix, ...middle, ...suffix]));
    }
    expect(heldOutTargets(dataset, 0)).toEqual(heldOutTargets(plain, 0));
  });

  it('splits punctuation+newline tokens in training text alone and keeps its bytes', async () => {
    const base = { ...options, data: wordsFile, tokenizer: 'bpe-deepseek:281' };
    const [whole, split] = [await createDataset(base), await createDataset({ ...base, splitPunctuationRate: 0.5 })];
    expect(split.trainTokens).toBeGreaterThan(whole.trainTokens);
    const text = async (d: Dataset, rate: number) =>
      trainingStream(await createDataset({ ...base, splitPunctuationRate: rate, seqLen: d.trainTokens - 1 }));
    expect(await text(split, 0.5)).toBe(await text(whole, 0));
    expect(heldOutTargets(split, 0)).toEqual(heldOutTargets(whole, 0));
  });
});

describe('errors and the cache', () => {
  it('says that the corpus is shorter than a row', async () => {
    const attempt = createDataset({ ...options, seqLen: 100_003 });
    await expect(attempt).rejects.toThrow(UserError);
    await expect(attempt).rejects.toThrow(
      /words has \d+ training tokens, fewer than the 100004 .*lower seqLen to at most/,
    );
  });

  it.each([
    [{ heldOutFraction: 0 }, /heldOutFraction must be above 0/],
    [{ heldOutFraction: 1 }, /heldOutFraction must be above 0 and below 1/],
    [{ fimRate: 1.5 }, /fimRate must be between 0 and 1, found 1.5/],
    [{ splitPunctuationRate: Number.NaN }, /splitPunctuationRate must be between 0 and 1/],
    [{ seqLen: 0 }, /seqLen must be a positive whole number/],
  ])('refuses %j', async (change, message) => {
    await expect(createDataset({ ...options, ...change })).rejects.toThrow(message);
  });

  it('gives the same data with a cold and a warm cache as without', async () => {
    const cached = { ...options, cacheDir: join(folder.path, 'cache') };
    const plain = (await createDataset(options)).trainBatch(3, 29);
    expect((await createDataset(cached)).trainBatch(3, 29)).toEqual(plain);
    expect((await createDataset(cached)).trainBatch(3, 29)).toEqual(plain);
    expect(readdirSync(cached.cacheDir)).toHaveLength(4); // two domains, training and held-out
  });
});

/** The whole training stream of a dataset whose one row spans it. */
function trainingStreamIds(dataset: Dataset): number[] {
  return rowsOf(dataset.trainBatch(0, 1))[0]!.ids;
}

function trainingStream(dataset: Dataset): string {
  return dataset.tokenizer.decode(trainingStreamIds(dataset));
}

function splitAt(ids: readonly number[], separator: number): number[][] {
  const parts: number[][] = [];
  let start = 0;
  ids.forEach((id, i) => {
    if (id !== separator) return;
    parts.push(ids.slice(start, i));
    start = i + 1;
  });
  return parts;
}

describe('a tokenizer without special tokens', () => {
  const bare = { ...bytes.toHuggingFace(), added_tokens: [] };
  const read = (endTokenIds: readonly number[]) =>
    tokenizerFromHuggingFace(bare, 'bare.json', { bosTokenId: null, endTokenIds });

  it('cannot be trained with, and cannot fill holes', async () => {
    await expect(createDataset({ ...options, tokenizer: read([]) })).rejects.toThrow(
      'data: the tokenizer bare.json has no token that ends a document',
    );
    await expect(createDataset({ ...options, tokenizer: read([0]), fimRate: 1 })).rejects.toThrow(
      'the tokenizer bare.json has no fill-in-the-middle tokens; set fimRate to 0',
    );
  });
});

describe('rows of an alternate length', () => {
  it('come every second batch, as many as make the same tokens, and are those of a dataset of that length', async () => {
    const long = await createDataset({ ...options, seqLen: 36 });
    const short = await createDataset({ ...options, seqLen: 12 });
    const mixed = await createDataset({ ...options, seqLen: 36, alternateSeqLen: 12 });
    const batches = [0, 1, 2, 3].map((step) => mixed.trainBatch(step * 5, 5));
    expect(batches).toEqual([
      long.trainBatch(0, 5),
      short.trainBatch(15, 15),
      long.trainBatch(10, 5),
      short.trainBatch(45, 15),
    ]);
    expect([...mixed.heldOutBatches(0, 5)]).toEqual([...long.heldOutBatches(0, 5)]);
  });
});
