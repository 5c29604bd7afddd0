// Samples as the dataset of a run: packed into rows, invisible to each other, with weights on the answers alone.
//
// There is no padding. What a row has left is filled with the beginning of another sample, whose labels weigh nothing
// there: it is learned from where it stands whole. So the routers see only text that they will be asked to route, and
// neither the expert load nor the balance loss counts a token that is none.

import { permutation } from '../../data/random.ts';
import type { Batch, Dataset, Tokenizer } from '../../data/types.ts';
import { UserError } from '../../errors.ts';
import { joinBytes } from '../../io/join-bytes.ts';
import { encodeUtf8 } from '../../io/utf8.ts';
import { digestOf } from '../../runs/digest.ts';
import type { EncodedConversation } from './encode-conversation.ts';
import { packSamples } from './packing.ts';

/** Samples of one origin. */
export interface SampleSource {
  readonly name: string;
  /** How often an epoch has each sample: 2 is twice, 0.5 is another half of them in each epoch. */
  readonly weight: number;
  readonly train: readonly EncodedConversation[];
  readonly heldOut: readonly EncodedConversation[];
}

export interface SampleDatasetOptions {
  readonly sources: readonly SampleSource[];
  readonly tokenizer: Tokenizer;
  /** A row has one id more. */
  readonly seqLen: number;
  readonly seed: number;
}

/** A dataset that also knows how many rows its epochs have. */
export interface SampleDataset extends Dataset {
  /** Rows of the first `epochs` epochs. */
  rowsOf(epochs: number): number;
}

interface Row {
  /** Samples that are learned from. */
  readonly samples: readonly EncodedConversation[];
  /** Samples that fill what is left, from `next` on, as far as they fit. */
  readonly filling: readonly EncodedConversation[];
  readonly next: number;
  readonly domain: number;
}

/**
 * A dataset of samples. Every epoch has them in another order, and so in other rows: row `i` is a function of the
 * options and `i`.
 *
 * Source: DeepSeek-V3, section 5.1: several samples in a sequence, with a mask that keeps them from seeing each other.
 *
 * @throws UserError where a source has no sample that fits a row, or none that is held out.
 */
export function createSampleDataset({ sources, tokenizer, seqLen, seed }: SampleDatasetOptions): SampleDataset {
  const fitting = sources.map((source) => fitSource(source, seqLen));
  const epochs = new Epochs(fitting, seqLen, seed);
  const domainRows = fitting.map(({ heldOut }, domain) => {
    return fillRows(
      heldOut,
      heldOut.map(() => domain),
      packSamples(heldOut.map(lengthOf), seqLen + 1),
    );
  });
  return {
    tokenizer,
    domains: sources.map(({ name }) => name),
    trainTokens: fitting.reduce(
      (sum, { train, weight }) => sum + Math.round(weight * train.reduce((n, s) => n + s.ids.length, 0)),
      0,
    ),
    trainBatch: (index, batchSize) =>
      toBatch(
        Array.from({ length: batchSize }, (_, i) => epochs.row(index + i)),
        seqLen,
      ),
    heldOutBatches: (domain, batchSize, maxTokens) => batchesOf(domainRows[domain]!, batchSize, seqLen, maxTokens),
    // A compressor that is not shown the questions is no measure for the answers.
    heldOutText: () => '',
    sha256: () => hashSources(fitting),
    rowsOf: (count) => epochs.rowsOf(count),
    warnings: sources.flatMap((source, i) => describeLoss(source, fitting[i]!, seqLen)),
  };
}

const lengthOf = ({ ids }: EncodedConversation): number => ids.length;

function fitSource(source: SampleSource, seqLen: number): SampleSource {
  const fits = (sample: EncodedConversation) => sample.ids.length <= seqLen + 1;
  const [train, heldOut] = [source.train.filter(fits), source.heldOut.filter(fits)];
  if (train.length > 0 && heldOut.length > 0) return { ...source, train, heldOut };
  const lengths = [...source.train, ...source.heldOut].map(lengthOf);
  if (source.train.length === 0 || source.heldOut.length === 0) {
    throw new UserError(
      `sft: ${source.name} has ${lengths.length} samples, too few to train on some and to hold out others; add more`,
    );
  }
  throw new UserError(
    `sft: the samples of ${source.name} have ${Math.min(...lengths)} to ${Math.max(...lengths)} tokens, and a row ` +
      `holds ${seqLen + 1}; take longer rows (--seq-len ${Math.max(...lengths) - 1}), as far as the context of the ` +
      'model allows, or shorten the samples',
  );
}

function describeLoss(source: SampleSource, { train, heldOut }: SampleSource, seqLen: number): string[] {
  const lost = source.train.length + source.heldOut.length - train.length - heldOut.length;
  if (lost === 0) return [];
  return [`sft: ${source.name}: ${lost} samples are longer than a row of ${seqLen + 1} tokens and are left out`];
}

/** The rows of epoch after epoch, packed when they are first asked for. */
class Epochs {
  readonly #sources: readonly SampleSource[];
  readonly #seqLen: number;
  readonly #seed: number;
  readonly #packed: (readonly Row[])[] = [];

  constructor(sources: readonly SampleSource[], seqLen: number, seed: number) {
    this.#sources = sources;
    this.#seqLen = seqLen;
    this.#seed = seed;
  }

  row(index: number): Row {
    let first = 0;
    for (let epoch = 0; ; epoch++) {
      const rows = this.#rows(epoch);
      if (index < first + rows.length) return rows[index - first]!;
      first += rows.length;
    }
  }

  rowsOf(epochs: number): number {
    return Array.from({ length: epochs }, (_, epoch) => this.#rows(epoch).length).reduce((sum, rows) => sum + rows, 0);
  }

  #rows(epoch: number): readonly Row[] {
    this.#packed[epoch] ??= this.#pack(epoch);
    return this.#packed[epoch];
  }

  #pack(epoch: number): readonly Row[] {
    const chosen = this.#sources.flatMap((source, domain) => {
      return drawSamples(source, this.#seed, epoch).map((sample) => ({ sample, domain }));
    });
    const order = Array.from(permutation(chosen.length, this.#seed, 'samples', epoch), (i) => chosen[i]!);
    const samples = order.map(({ sample }) => sample);
    const packed = packSamples(samples.map(lengthOf), this.#seqLen + 1);
    const rows = fillRows(
      samples,
      order.map(({ domain }) => domain),
      packed,
    );
    return Array.from(permutation(rows.length, this.#seed, 'rows', epoch), (i) => rows[i]!);
  }
}

/** All samples as often as the weight says; of a fraction, others in each epoch. */
function drawSamples({ name, train, weight }: SampleSource, seed: number, epoch: number): EncodedConversation[] {
  const copies = Array.from({ length: Math.floor(weight) }, () => train).flat();
  const more = Math.round((weight % 1) * train.length);
  const order = permutation(train.length, seed, name, 'fraction', epoch);
  return [...copies, ...Array.from(order.subarray(0, more), (i) => train[i]!)];
}

/** The rows with what fills them: the samples that come after their last one. */
function fillRows(
  samples: readonly EncodedConversation[],
  domains: readonly number[],
  packed: ReturnType<typeof packSamples>,
): Row[] {
  return packed.map((numbers) => {
    return {
      samples: numbers.map((i) => samples[i]!),
      filling: samples,
      next: numbers.at(-1)! + 1,
      domain: domains[numbers[0]!]!,
    };
  });
}

function toBatch(rows: readonly Row[], seqLen: number): Batch {
  const length = seqLen + 1;
  const ids = new Int32Array(rows.length * length);
  const documentIds = new Int32Array(ids.length);
  const labelWeights = new Float32Array(ids.length);
  for (const [r, { samples, filling, next }] of rows.entries()) {
    let [at, document] = [0, 0];
    const put = (sample: EncodedConversation, isLearned: boolean): void => {
      const count = Math.min(sample.ids.length, length - at);
      const place = r * length + at;
      ids.set(sample.ids.subarray(0, count), place);
      documentIds.fill(document, place, place + count);
      if (isLearned) labelWeights.set(sample.labelWeights.subarray(0, count), place);
      at += count;
      document++;
    };
    for (const sample of samples) put(sample, true);
    for (let i = next; at < length; i++) put(filling[i % filling.length]!, false);
  }
  const domains = Int32Array.from(rows, ({ domain }) => domain);
  return { batchSize: rows.length, seqLen, ids, documentIds, labelWeights, domains };
}

function* batchesOf(rows: readonly Row[], batchSize: number, seqLen: number, maxTokens = Number.POSITIVE_INFINITY) {
  for (let start = 0; start < rows.length && start * seqLen < maxTokens; start += batchSize) {
    yield toBatch(rows.slice(start, start + batchSize), seqLen);
  }
}

async function hashSources(sources: readonly SampleSource[]): Promise<string> {
  const bytes = sources.flatMap(({ name, weight, train, heldOut }) => [
    encodeUtf8(`${name} ${weight} ${train.length}`),
    ...[...train, ...heldOut].flatMap(({ ids, labelWeights }) => [
      new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength),
      labelWeights,
    ]),
  ]);
  return (await digestOf(joinBytes(bytes))).sha256;
}
