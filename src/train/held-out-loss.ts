// The loss of a held-out batch. The last row of a text can be too short for the deepest MTP module to have a position.

import type { Batch } from '../data/types.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { labelsAtDepth, labelsWithinDocument } from '../mtp/alignment.ts';
import { linearCrossEntropy } from '../ops/linear-cross-entropy.ts';
import { tf } from '../tensor/tf.ts';
import { computeLoss, countSelections, type LossTerms } from './loss.ts';
import { batchTensors } from './micro-batch.ts';

/** Loss terms and selections of a batch; for rows no longer than the MTP depth, those of the main model alone. */
export function heldOutLoss(model: DeepseekV3ForCausalLM, batch: Batch, documentMask: boolean): LossTerms {
  if (batch.seqLen <= model.config.numNextnPredictLayers) return mainLoss(model, batch, documentMask);
  const weights = { mtpWeight: 0, balancing: 'none', balanceLossFactor: 0 } as const;
  return computeLoss(model, batchTensors(batch, documentMask), weights);
}

function mainLoss(model: DeepseekV3ForCausalLM, batch: Batch, documentMask: boolean): LossTerms {
  const { ids, documentIds } = batchTensors(batch, documentMask);
  const [B, T, D] = [batch.batchSize, batch.seqLen, model.config.hiddenSize];
  const inputs = (rows: tf.Tensor2D): tf.Tensor2D => tf.slice(rows, [0, 0], [B, T]);
  const { hidden, routing } = model.forward(inputs(ids), { documentIds: documentIds && inputs(documentIds) });
  const losses = linearCrossEntropy(tf.reshape(hidden, [B * T, D]), model.lmHead, labelsAtDepth(ids, 0).as1D());
  const counted = documentIds ? labelsWithinDocument(documentIds, 0).as1D() : tf.onesLike(losses);
  const main: tf.Scalar = tf.div(tf.sum(tf.mul(losses, counted)), tf.maximum(tf.sum(counted), 1));
  const counts = routing.map((record) => countSelections(record, model));
  return { total: main, main, mtp: [], balance: tf.scalar(0), counts };
}
