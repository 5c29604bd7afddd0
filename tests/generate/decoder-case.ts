// A small model with random norms and biases, and what its full forward passes say: what every decoder must reproduce.

import type { ModelConfig } from '../../src/config/model-config.ts';
import { EngineBackend } from '../../src/engine/backend.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import type { Attend } from '../../src/model/transformer-block.ts';
import { attentionVisibility } from '../../src/ops/mla-attention.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { idTensor, smallConfig, smallYarn, spreadBiases } from '../model/small-model.ts';

/** Logits are of order 1; sums in another order, as each form of attention and each backend has them. */
export const tolerance = { rtol: 1e-5, atol: 1e-5 };

export const configs: readonly (readonly [name: string, changes: Partial<ModelConfig>])[] = [
  ['query compression, groups and a dense layer', {}],
  ['plain queries', { qLoraRank: null }],
  ['YaRN', { ...smallYarn, maxPositionEmbeddings: 32 }],
  ['rotary halves', { ropeInterleave: false }],
  [
    'softmax affinities, not normalised, no groups',
    { scoringFunc: 'softmax', normTopkProb: false, nGroup: 1, topkGroup: 1 },
  ],
  ['no shared expert, multiplicative bias', { nSharedExperts: 0, expertBiasForm: 'multiplicative' }],
  ['two shared experts, no dense layer', { nSharedExperts: 2, firstKDenseReplace: 0 }],
  ['dense layers only', { firstKDenseReplace: 2 }],
  ['latents wider than heads', { kvLoraRank: 29, vHeadDim: 3, numAttentionHeads: 5 }],
  ['MTP as in the report', { mtpConcatOrder: 'hidden-first', mtpHiddenState: 'pre-norm' }],
];

export function randomModel(changes: Partial<ModelConfig> = {}): DeepseekV3ForCausalLM {
  const model = new DeepseekV3ForCausalLM({ ...smallConfig, ...changes }, 5);
  for (const [name, gain] of model.parameters) {
    if (gain.rank !== 1) continue;
    const values = normalArray(gain.size, 0.2, name.length).map((value) => 1 + value);
    tf.tidy(() => gain.assign(tf.tensor1d(values)));
  }
  spreadBiases(model, 7);
  return model;
}

/** Logits after each token of a text, by the full forward pass. */
export function fullLogits(model: DeepseekV3ForCausalLM, ids: readonly number[]): Float32Array[] {
  return rowsOf(tf.tidy(() => tf.squeeze(model.logits(idTensor([ids])), [0])));
}

/** Attention without a cache. */
const naive =
  (model: DeepseekV3ForCausalLM, length: number): Attend =>
  (attention, x) =>
    attention.apply(x, { rotary: model.rotary, visibility: attentionVisibility(length, null) });

/**
 * Calls with the model whose module drafts as a decoder on this backend does: on the engine with half of the experts.
 */
function withDrafter<T>(model: DeepseekV3ForCausalLM, use: (drafter: DeepseekV3ForCausalLM) => T): T {
  if (!(tf.backend() instanceof EngineBackend)) return use(model);
  const drafter = randomModel({ ...model.config, numExpertsPerTok: Math.ceil(model.config.numExpertsPerTok / 2) });
  const result = use(drafter);
  drafter.dispose();
  return result;
}

/** Logits of the first MTP module, as it drafts, at each position but the last. */
export function fullDrafts(model: DeepseekV3ForCausalLM, ids: readonly number[]): Float32Array[] {
  return withDrafter(model, (drafter) =>
    rowsOf(
      tf.tidy(() => {
        const [T, D] = [ids.length - 1, model.config.hiddenSize];
        const states = model.forwardWith(idTensor([ids]), naive(model, ids.length)).start;
        const read: tf.Tensor3D = tf.slice(states, [0, 0, 0], [1, T, D]);
        const { hidden } = drafter.predictWith(read, idTensor([ids.slice(1)]), naive(model, T));
        return tf.matMul(tf.squeeze(hidden, [0]), model.lmHead, false, true);
      }),
    ),
  );
}

function rowsOf(matrix: tf.Tensor): Float32Array[] {
  const [count, width] = matrix.shape as [number, number];
  const values = matrix.dataSync<'float32'>();
  matrix.dispose();
  return Array.from({ length: count }, (_, i) => values.slice(i * width, (i + 1) * width));
}

/**
 * Logits of each of several drafts, without a cache: the module over all hidden states and tokens so far, its own
 * outputs in place of the hidden states that are not known.
 */
export function recycled(
  model: DeepseekV3ForCausalLM,
  ids: readonly number[],
  drafted: readonly number[],
): Float32Array[] {
  return withDrafter(model, (drafter) =>
    tf.tidy(() => {
      let states = model.forwardWith(idTensor([ids]), naive(model, ids.length)).start;
      return drafted.map((_, i) => {
        const [T, D] = [ids.length + i, states.shape[2]];
        const next = [...ids.slice(1), ...drafted.slice(0, i + 1)];
        const out = drafter.predictWith(states, idTensor([next]), naive(model, T));
        states = tf.concat([states, tf.slice(out.start, [0, T - 1, 0], [1, 1, D])], 1);
        return rowsOf(
          tf.matMul(tf.reshape(tf.slice(out.hidden, [0, T - 1, 0], [1, 1, D]), [1, D]), model.lmHead, false, true),
        )[0]!;
      });
    }),
  );
}
