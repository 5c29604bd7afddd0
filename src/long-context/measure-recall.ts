// How much of the recall language a model predicts right, by the use of attention that it takes, by length and by
// depth.

import { createRandom } from '../data/random.ts';
import { nextTurn } from '../event-loop.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { tf } from '../tensor/tf.ts';
import { needle, type RecallKind, type RecallRow, recallRow, usualRecall } from '../evaluate/tasks/recall-language.ts';
import { recallBatch } from './recall-dataset.ts';
import { recallTokenizer } from './recall-tokenizer.ts';

/** Tokens of a pass. */
const tokensAtOnce = 8192;

/** Share of the labels of each kind that are predicted right; NaN where there are none. */
export type RecallShares = Readonly<Record<RecallKind, number>>;

export interface RecallMeasure {
  /** Tokens of a row; the model must reach that far. */
  readonly length: number;
  readonly rows: number;
  readonly seed: number;
  /** Is called before every pass; throws to stop. */
  readonly beforePass?: () => void;
}

/** Accuracy on fresh rows with several keys, by kind: each label is the most likely token, given the text before it. */
export async function measureRecall(model: DeepseekV3ForCausalLM, options: RecallMeasure): Promise<RecallShares> {
  const { length, rows, seed } = options;
  const made = Array.from({ length: rows }, (_, i) =>
    recallRow({ ...usualRecall, length: length + 1 }, createRandom(seed, 'measure', length, i)),
  );
  return shares(model, made, options);
}

/** Accuracy on a single pair in noise that stands at a depth, 0 for the start to 1 for right before the question. */
export async function measureNeedle(
  model: DeepseekV3ForCausalLM,
  depth: number,
  options: RecallMeasure,
): Promise<number> {
  const { length, rows, seed } = options;
  const made = Array.from({ length: rows }, (_, i) =>
    recallRow({ ...needle, length: length + 1, depth }, createRandom(seed, 'needle', length, depth, i)),
  );
  return (await shares(model, made, options)).once;
}

async function shares(
  model: DeepseekV3ForCausalLM,
  rows: readonly RecallRow[],
  { length, beforePass }: RecallMeasure,
): Promise<RecallShares> {
  const tokenizer = recallTokenizer();
  const right: Record<RecallKind, number> = { once: 0, latest: 0, local: 0 };
  const all = { ...right };
  const atOnce = Math.max(1, Math.floor(tokensAtOnce / length));
  for (let first = 0; first < rows.length; first += atOnce) {
    beforePass?.();
    const some = rows.slice(first, first + atOnce);
    const { ids, batchSize, seqLen } = recallBatch(some, tokenizer);
    const likeliest = await predictions(model, tf.tensor2d(ids, [batchSize, seqLen + 1], 'int32'));
    for (const [row, { labels }] of some.entries()) {
      for (const { at, kind } of labels) {
        all[kind]++;
        if (likeliest[row * seqLen + at - 1] === ids[row * (seqLen + 1) + at]) right[kind]++;
      }
    }
    await nextTurn();
  }
  return { once: right.once / all.once, latest: right.latest / all.latest, local: right.local / all.local };
}

/** The most likely next token at every place; disposes of `ids`. Shapes: ids [B, T+1] -> [B, T] flattened. */
async function predictions(model: DeepseekV3ForCausalLM, ids: tf.Tensor2D): Promise<Int32Array> {
  const [B, T1] = ids.shape;
  const likeliest = tf.tidy(() => tf.argMax(model.logits(tf.slice(ids, [0, 0], [B, T1 - 1])), -1));
  ids.dispose();
  const values = await likeliest.data<'int32'>();
  likeliest.dispose();
  return Int32Array.from(values);
}
