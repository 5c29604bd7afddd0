// What the routers of a model decide about a text, and what they would decide without their bias.
// Shape legend: T tokens, L positions (T - k at MTP depth k), E routed experts, K experts per token, G groups.

import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import type { RoutingRecord } from '../moe/moe.ts';
import { affinities, allowedGroups, biasedScores } from '../ops/router.ts';
import { tf } from '../tensor/tf.ts';
import { textIds } from './text-ids.ts';

/** The decisions of one layer with experts. Matrices are row by row, a row for each position. */
export interface LayerRouting {
  /** Index of the layer; MTP modules follow the main layers. */
  readonly layer: number;
  /** 0 for a layer of the main model, k for the MTP module of depth k. */
  readonly depth: number;
  /** L: all tokens in a layer of the main model. An MTP module of depth k has no position for the last k. */
  readonly positions: number;
  /** Scores without the bias [L, E]: sigmoids of the logits. */
  readonly affinities: Float32Array;
  /** Scores with the bias [L, E], by which experts are selected. */
  readonly scores: Float32Array;
  /** [E]. */
  readonly bias: Float32Array;
  /** Groups that a token may visit [L, G], 1 or 0; all where the router has one group. */
  readonly groups: Float32Array;
  /** Experts that each token visits, best first [L, K]. */
  readonly chosen: Int32Array;
  /** Experts that it would visit if the bias were neutral, best first [L, K]. */
  readonly chosenWithoutBias: Int32Array;
  /** What the outputs of `chosen` are multiplied by [L, K]. */
  readonly gates: Float32Array;
}

/**
 * The decisions of every router of a model about one row of tokens, from its own forward pass: in each layer with
 * experts, and in each MTP module that the row is long enough for. A model of dense layers has none.
 *
 * Position i of an MTP module of depth k reads what depth k - 1 knows at token i, and token i + k.
 *
 * @throws {UserError} when there are no tokens, more than the model reads, or one that its vocabulary lacks
 * Source: arXiv:2412.19437 eq. 12-16.
 */
export async function routingOf(model: DeepseekV3ForCausalLM, ids: readonly number[]): Promise<LayerRouting[]> {
  const layers = tf.tidy(() => {
    const { routing } = model.forward(textIds(ids, model.config), { mtp: true });
    return routing.map((record) => ({ layer: record.layer, tensors: decisionsOf(model, record) }));
  });
  return Promise.all(layers.map(({ layer, tensors }) => readLayer(model, layer, tensors)));
}

type Decisions = {
  readonly affinities: tf.Tensor2D;
  readonly scores: tf.Tensor2D;
  readonly groups: tf.Tensor2D;
  readonly chosen: tf.Tensor2D;
  readonly chosenWithoutBias: tf.Tensor2D;
  readonly gates: tf.Tensor2D;
  readonly bias: tf.Tensor1D;
};

/** `chosen` and `gates` are those of the router that the model was made with, which may be one with a bug. */
function decisionsOf({ config, parts, expertBiases }: DeepseekV3ForCausalLM, record: RoutingRecord): Decisions {
  const { layer, logits, topkIndices } = record;
  const bias: tf.Tensor1D = tf.clone(expertBiases.get(layer)! as tf.Tensor1D);
  const neutral: tf.Tensor1D = config.expertBiasForm === 'additive' ? tf.zerosLike(bias) : tf.onesLike(bias);
  const scores = biasedScores(logits, bias, config);
  return {
    affinities: affinities(logits, config),
    scores,
    groups: config.nGroup > 1 ? allowedGroups(scores, config) : tf.ones([logits.shape[0], 1]),
    chosen: topkIndices,
    chosenWithoutBias: parts.route(logits, neutral, config).topkIndices,
    gates: parts.route(logits, bias, config).topkWeights,
    bias,
  };
}

async function readLayer({ config }: DeepseekV3ForCausalLM, layer: number, tensors: Decisions): Promise<LayerRouting> {
  const floats = async (tensor: tf.Tensor) => (await tensor.data<'float32'>()).slice();
  const integers = async (tensor: tf.Tensor) => (await tensor.data<'int32'>()).slice();
  const { affinities, scores, groups, chosen, chosenWithoutBias, gates, bias } = tensors;
  const read = {
    layer,
    depth: Math.max(0, layer - config.numHiddenLayers + 1),
    positions: chosen.shape[0],
    affinities: await floats(affinities),
    scores: await floats(scores),
    bias: await floats(bias),
    groups: await floats(groups),
    chosen: await integers(chosen),
    chosenWithoutBias: await integers(chosenWithoutBias),
    gates: await floats(gates),
  };
  tf.dispose(Object.values(tensors));
  return read;
}
