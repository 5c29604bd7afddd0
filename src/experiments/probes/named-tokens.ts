// Which token the main model and each MTP depth name, given the text so far (greedy, teacher-forced).
// Shape legend: B rows, T tokens in a row.

import type { Batch } from '../../data/types.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { tf } from '../../tensor/tf.ts';
import { lossInput } from '../../train/micro-batch.ts';

export interface NamedTokens {
  /** [B][T]: position i names token i + 1. */
  readonly main: readonly Int32Array[];
  /** By depth k = 1, 2, ...: [B][T - k], position i names token i + k + 1. */
  readonly mtp: readonly (readonly Int32Array[])[];
}

/**
 * Runs the model over a batch of rows of T + 1 ids; with `documentMask` attention stays within a document. Depths that
 * a row is too short for are left out.
 *
 * Ownership: leaves no tensor behind.
 */
export function namedTokens(model: DeepseekV3ForCausalLM, batch: Batch, documentMask: boolean): NamedTokens {
  const { batchSize: B, seqLen: T } = batch;
  const found: Int32Array[][] = [];
  tf.tidy(() => {
    const { ids, documentIds } = lossInput(batch, documentMask);
    const inputs = (rows: tf.Tensor2D) => tf.slice<tf.Rank.R2, tf.Tensor2D>(rows, [0, 0], [B, T]);
    const { hidden, mtpHidden } = model.forward(inputs(ids), {
      documentIds: documentIds === null ? null : inputs(documentIds),
      mtp: true,
    });
    for (const states of [hidden, ...mtpHidden]) found.push(bestTokens(states, model.lmHead));
  });
  const [main = [], ...mtp] = found;
  return { main, mtp };
}

/** Shapes: states [B, L, D], head [V, D] -> [B][L]. */
function bestTokens(states: tf.Tensor3D, head: tf.Tensor2D): Int32Array[] {
  const [B, L, D] = states.shape;
  const best = tf.argMax(tf.matMul(tf.reshape(states, [B * L, D]), head, false, true), 1).dataSync();
  return Array.from({ length: B }, (_, row) => Int32Array.from(best.slice(row * L, (row + 1) * L)));
}
