// Auxiliary-loss-free balancing in the trainer: the bias of each layer moves once per optimizer step, by the selections
// of all parts of its batch (B5). No gradient and no optimizer touches it (B17).

import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { updateExpertBias } from '../moe/expert-bias.ts';
import { loadStatistics } from '../moe/load.ts';
import { overwrite } from '../ops/overwrite.ts';
import type { tf } from '../tensor/tf.ts';
import type { LayerLoad } from './events.ts';

/** The load of one layer, with its bias. */
export function layerLoad(layer: number, counts: ArrayLike<number>, bias: ArrayLike<number>): LayerLoad {
  return { layer, counts: Array.from(counts), ...loadStatistics(counts), bias: Array.from(bias) };
}

/** Moves the bias of every layer by `speed`, unless another mechanism balances, and returns the loads after it. */
export function balanceExperts(
  biases: ReadonlyMap<number, tf.Variable>,
  load: readonly LayerLoad[],
  speed: number,
  form: ModelConfig['expertBiasForm'],
  train: Pick<TrainConfig, 'balancing' | 'expertBiasUpdateRule' | 'expertBiasRecenter'>,
): LayerLoad[] {
  if (train.balancing !== 'bias' || speed === 0) return [...load];
  const options = { speed, rule: train.expertBiasUpdateRule, form, recenter: train.expertBiasRecenter };
  return load.map((layer) => {
    const bias = updateExpertBias(Float32Array.from(layer.bias), layer.counts, options);
    const variable = biases.get(layer.layer);
    if (variable !== undefined) overwrite(variable, bias);
    return { ...layer, bias: Array.from(bias) };
  });
}
