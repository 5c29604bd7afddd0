// Which numbers of several runs may be compared with each other: those that were measured on the same text and, where
// the number depends on it, in the same tokens, among as many experts, over batches of the same size.

import { lastEvaluation } from '../charts/points.ts';
import type { RunData } from '../run-data.ts';

/** Something that must be the same in all runs. */
export interface Condition {
  /** Equal in runs that agree. */
  readonly keyOf: (run: RunData, index: number) => string;
  /** Why runs that do not agree cannot be compared: a clause. */
  readonly reason: string;
}

const reasonText = 'the runs read different text';

/**
 * The text of the last evaluation. Brotli's rate tells held-out texts apart, whatever they are called; the number of
 * bytes tells an evaluation of all of it from one of its beginning, as runs make before their end.
 */
const heldOutText: Condition = {
  keyOf: ({ settings, metrics }) => {
    const line = lastEvaluation(metrics);
    const nats = Number(line?.['eval/loss']) * Number(line?.['eval/tokens']);
    const bytes = nats / Math.LN2 / Number(line?.['eval/bits_per_byte']);
    return `${settings.brotliBitsPerByte} ${Math.round(bytes)}`;
  },
  reason: reasonText,
};

const trainingText: Condition = {
  keyOf: ({ settings: { train, brotliBitsPerByte } }) =>
    JSON.stringify([train.data, brotliBitsPerByte, train.fimRate, train.splitPunctuationRate]),
  reason: reasonText,
};

const tokenizer: Condition = {
  keyOf: ({ settings: { train, model } }) => `${train.tokenizer} ${model.vocabSize}`,
  reason: 'the runs cut text into different tokens',
};

const experts: Condition = {
  keyOf: ({ settings: { model } }) => `${model.numExpertsPerTok} of ${model.nRoutedExperts}`,
  reason: 'the runs have different numbers of experts',
};

const layers: Condition = {
  keyOf: ({ settings: { model } }) =>
    String(model.numHiddenLayers + model.numNextnPredictLayers - model.firstKDenseReplace),
  reason: 'the runs have different numbers of layers with experts',
};

const batch: Condition = {
  keyOf: ({ settings: { train } }) => JSON.stringify([train.batchSize, train.batchSizeSchedule, train.seqLen]),
  reason: 'the runs have batches of different sizes',
};

/** Nobody can tell from a run folder, so no two runs agree. */
const machine: Condition = {
  keyOf: (_, index) => String(index),
  reason: 'a run folder does not say which machine it is from',
};

/** For numbers of the end of a run: two that were stopped at the same step agree as well. */
export const ended: Condition = {
  keyOf: ({ settings: { train }, metrics }) => {
    const step = metrics.at(-1)?.step ?? 0;
    return step < train.steps ? String(step) : 'end';
  },
  reason: 'not all of the runs have come to their end',
};

/** What has to be the same for each kind of number; the first that is not is the reason given. */
export const comparable = {
  /** A rate per byte, whatever the tokens are. */
  heldOutBytes: [heldOutText],
  heldOutTokens: [heldOutText, tokenizer],
  trainingTokens: [trainingText, tokenizer],
  heldOutBalance: [heldOutText, tokenizer, experts],
  /** The smaller a batch, the less even it is by chance. */
  batchBalance: [trainingText, tokenizer, experts, batch],
  /** A sum over layers. */
  batchDeadExperts: [trainingText, tokenizer, experts, batch, layers],
  speed: [machine],
} satisfies Readonly<Record<string, readonly Condition[]>>;

/** Why the runs cannot be compared, as a clause; null when they can be. */
export function whyIncomparable(runs: readonly RunData[], conditions: readonly Condition[]): string | null {
  const broken = conditions.find(({ keyOf }) => new Set(runs.map(keyOf)).size > 1);
  return broken?.reason ?? null;
}
