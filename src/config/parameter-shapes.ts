// Every tensor of a model, by name and shape, without building one.
//
// Names and layouts are Hugging Face's (F 8.2 in `docs/facts.md`): matrices are [out, in]. One difference from the
// released files: the routed experts of a layer are stacked in one tensor, as transformers 5 holds them in memory.
// Legend: V vocabSize, D hiddenSize, H heads, P nope, R rope, W vHeadDim, C kvLoraRank, Q qLoraRank, E routed experts,
// F width of an expert.

import type { ModelConfig } from './model-config.ts';

export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

type Entries = readonly (readonly [name: string, ...shape: number[]])[];

function named(prefix: string, entries: Entries): NamedShape[] {
  return entries.map(([name, ...shape]) => ({ name: `${prefix}${name}`, shape }));
}

function queryShapes(config: ModelConfig): Entries {
  const { hiddenSize, qLoraRank, numAttentionHeads } = config;
  const queries = numAttentionHeads * (config.qkNopeHeadDim + config.qkRopeHeadDim);
  if (qLoraRank === null) return [['q_proj.weight', queries, hiddenSize]]; // [H(P+R), D]
  return [
    ['q_a_proj.weight', qLoraRank, hiddenSize], // [Q, D]
    ['q_a_layernorm.weight', qLoraRank], // [Q]
    ['q_b_proj.weight', queries, qLoraRank], // [H(P+R), Q]
  ];
}

function attentionShapes(config: ModelConfig): Entries {
  const { hiddenSize, kvLoraRank, numAttentionHeads, qkNopeHeadDim, vHeadDim } = config;
  return [
    ...queryShapes(config),
    ['kv_a_proj_with_mqa.weight', kvLoraRank + config.qkRopeHeadDim, hiddenSize], // [C+R, D]
    ['kv_a_layernorm.weight', kvLoraRank], // [C]
    ['kv_b_proj.weight', numAttentionHeads * (qkNopeHeadDim + vHeadDim), kvLoraRank], // [H(P+W), C]
    ['o_proj.weight', hiddenSize, numAttentionHeads * vHeadDim], // [D, HW]
  ];
}

function swigluShapes(prefix: string, hiddenSize: number, width: number): Entries {
  return [
    [`${prefix}gate_proj.weight`, width, hiddenSize],
    [`${prefix}up_proj.weight`, width, hiddenSize],
    [`${prefix}down_proj.weight`, hiddenSize, width],
  ];
}

function mixtureShapes(config: ModelConfig): Entries {
  const { hiddenSize, nRoutedExperts, moeIntermediateSize, nSharedExperts } = config;
  const shared = swigluShapes('shared_experts.', hiddenSize, nSharedExperts * moeIntermediateSize);
  return [
    ['gate.weight', nRoutedExperts, hiddenSize], // [E, D]
    ['experts.gate_up_proj', nRoutedExperts, 2 * moeIntermediateSize, hiddenSize], // [E, 2F, D]
    ['experts.down_proj', nRoutedExperts, hiddenSize, moeIntermediateSize], // [E, D, F]
    ...(nSharedExperts > 0 ? shared : []),
  ];
}

function layerShapes(config: ModelConfig, layer: number): NamedShape[] {
  const { hiddenSize } = config;
  const prefix = `model.layers.${layer}.`;
  const dense = layer < config.firstKDenseReplace;
  return [
    ...named(prefix, [['input_layernorm.weight', hiddenSize]]),
    ...named(`${prefix}self_attn.`, attentionShapes(config)),
    ...named(prefix, [['post_attention_layernorm.weight', hiddenSize]]),
    ...named(`${prefix}mlp.`, dense ? swigluShapes('', hiddenSize, config.intermediateSize) : mixtureShapes(config)),
  ];
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

/** The tensors of the main model: embedding, layers, final norm, output head. */
export function mainParameterShapes(config: ModelConfig): NamedShape[] {
  const { vocabSize, hiddenSize, numHiddenLayers } = config;
  return [
    ...named('model.', [['embed_tokens.weight', vocabSize, hiddenSize]]), // [V, D]
    ...range(numHiddenLayers).flatMap((layer) => layerShapes(config, layer)),
    ...named('', [
      ['model.norm.weight', hiddenSize],
      ['lm_head.weight', vocabSize, hiddenSize], // [V, D]
    ]),
  ];
}

/**
 * The tensors that the MTP modules add: a mixture-of-experts layer each, at the indices after the main model's.
 *
 * Embedding and output head are the main model's and are not listed, though released files store copies of both.
 */
export function mtpParameterShapes(config: ModelConfig): NamedShape[] {
  const { hiddenSize, numHiddenLayers, numNextnPredictLayers } = config;
  return range(numNextnPredictLayers).flatMap((depth) => {
    const layer = numHiddenLayers + depth;
    return [
      ...named(`model.layers.${layer}.`, [
        ['enorm.weight', hiddenSize],
        ['hnorm.weight', hiddenSize],
        ['eh_proj.weight', hiddenSize, 2 * hiddenSize], // [D, 2D]
      ]),
      ...layerShapes(config, layer),
      ...named(`model.layers.${layer}.`, [['shared_head.norm.weight', hiddenSize]]),
    ];
  });
}

/** Every trained tensor of a model in memory: the main model's, then the MTP modules'. */
export function parameterShapes(config: ModelConfig): NamedShape[] {
  return [...mainParameterShapes(config), ...mtpParameterShapes(config)];
}

/** The tensors that no gradient reaches: the balancing bias [E] of each mixture-of-experts layer, always float32. */
export function bufferShapes(config: ModelConfig): NamedShape[] {
  const { numHiddenLayers, numNextnPredictLayers, firstKDenseReplace, nRoutedExperts } = config;
  return range(numHiddenLayers + numNextnPredictLayers)
    .filter((layer) => layer >= firstKDenseReplace)
    .map((layer) => ({ name: `model.layers.${layer}.mlp.gate.e_score_correction_bias`, shape: [nRoutedExperts] }));
}
