// Writes a model down for the kernels of the engine: fields and their order are those of
// src/engine/assembly/decode-model.ts.

import type { ModelConfig } from '../../config/model-config.ts';
import { type Address, nowhere } from '../../engine/address.ts';
import type { EngineBackend } from '../../engine/backend.ts';
import { softmaxScale } from '../../layers/rotary-embedding.ts';
import { latentNormEps } from '../../mla/attention.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { type EngineBlocks, floatsAt, integersAt } from './engine-blocks.ts';
import { EngineWeights } from './engine-weights.ts';

/** Threads there may be: each has memory of its own for the choice of experts. */
const mostThreads = 64;

/** A field of 32 bits. */
type Field = number | boolean | { readonly float: number };

const float = (value: number): Field => ({ float: value });

/** Writes fields one after the other, and returns where they begin. */
function writeFields(backend: EngineBackend, blocks: EngineBlocks, fields: readonly Field[]): Address {
  const address = blocks.take(fields.length);
  const [integers, floats] = [integersAt(backend, address, fields.length), floatsAt(backend, address, fields.length)];
  for (const [i, field] of fields.entries()) {
    if (typeof field === 'object') floats[i] = field.float;
    else integers[i] = Number(field);
  }
  return address;
}

/** The fields of a `DecodeLayer`. */
function layerFields(weights: EngineWeights, config: ModelConfig, layer: number): Field[] {
  const { numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V, qLoraRank } = config;
  const name = `model.layers.${layer}`;
  const attention = `${name}.self_attn`;
  const compressed = [`${attention}.${qLoraRank === null ? 'q_proj' : 'q_a_proj'}.weight`];
  const kvB = `${attention}.kv_b_proj.weight`;
  return [
    weights.plain(`${name}.input_layernorm.weight`),
    weights.stacked(...compressed, `${attention}.kv_a_proj_with_mqa.weight`),
    qLoraRank === null ? 0 : weights.plain(`${attention}.q_a_layernorm.weight`),
    weights.plain(`${attention}.kv_a_layernorm.weight`),
    qLoraRank === null ? 0 : weights.heads(`${attention}.q_b_proj.weight`, H, 0, P + R, false),
    weights.heads(kvB, H, 0, P, true),
    weights.heads(kvB, H, P, V, false),
    weights.packed(`${attention}.o_proj.weight`),
    weights.plain(`${name}.post_attention_layernorm.weight`),
    ...feedForwardFields(weights, config, `${name}.mlp`, layer),
  ];
}

function feedForwardFields(weights: EngineWeights, config: ModelConfig, mlp: string, layer: number): Field[] {
  const { firstKDenseReplace, intermediateSize, nSharedExperts, moeIntermediateSize } = config;
  const swiglu = (name: string, width: number): Field[] => [
    width,
    weights.gateUp(`${name}.gate_proj.weight`, `${name}.up_proj.weight`),
    weights.packed(`${name}.down_proj.weight`),
  ];
  if (layer < firstKDenseReplace) return [...swiglu(mlp, intermediateSize), 0, 0, 0, 0];
  return [
    ...(nSharedExperts > 0 ? swiglu(`${mlp}.shared_experts`, nSharedExperts * moeIntermediateSize) : [0, 0, 0]),
    weights.packed(`${mlp}.gate.weight`),
    weights.bias(layer),
    weights.expertsGateUp(`${mlp}.experts.gate_up_proj`),
    weights.expertsDown(`${mlp}.experts.down_proj`),
  ];
}

/** Sizes and settings. */
function configFields(config: ModelConfig): Field[] {
  return [
    config.hiddenSize,
    config.numAttentionHeads,
    config.qkNopeHeadDim,
    config.qkRopeHeadDim,
    config.vHeadDim,
    config.kvLoraRank,
    config.qLoraRank ?? 0,
    config.nRoutedExperts,
    config.numExpertsPerTok,
    config.nGroup,
    config.topkGroup,
    config.moeIntermediateSize,
    config.vocabSize,
    config.scoringFunc === 'softmax',
    config.normTopkProb,
    config.expertBiasForm === 'multiplicative',
    config.ropeInterleave,
    config.mtpHiddenState === 'post-norm',
    config.mtpConcatOrder === 'embedding-first',
    float(config.rmsNormEps),
    float(latentNormEps),
    float(softmaxScale(config)),
    float(config.routedScalingFactor),
  ];
}

/** Memory for what a pass of `rows` rows computes on its way. */
function workspaceFields(backend: EngineBackend, blocks: EngineBlocks, config: ModelConfig, rows: number): Field[] {
  const { hiddenSize: D, numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V } = config;
  const { kvLoraRank: C, nRoutedExperts: E, numExpertsPerTok: K, nGroup, moeIntermediateSize: F } = config;
  const [N, A] = [rows, (config.qLoraRank ?? H * (P + R)) + C + R];
  const widest = Math.max(config.intermediateSize, config.nSharedExperts * F);
  const lengths = [
    ...[N * D, N * D, 2 * N * D], // x, normed, joined
    N * A, // compressed
    ...[N * H * (P + R), N * H * (C + R), N * H * C, N * H * V], // queries, latentQueries, latentValues, values
    ...[N * E, N * K, N * K, N * K], // logits, indices, scores, gates
    mostThreads * backend.exports.selectWorkspace(E, nGroup),
    ...[E + 1, N * K, N * K, E], // offsets, tokens, slots, busy
    ...[N * widest, N * K * F], // active, routedActive
  ];
  return lengths.map((length) => blocks.take(length));
}

/**
 * How many experts a token has in the MTP module when it drafts: half of them. A draft may come from any distribution, and
 * the other half costs more than the acceptance that it brings (docs/generate.md).
 */
function draftExperts({ numExpertsPerTok }: ModelConfig): number {
  return Math.ceil(numExpertsPerTok / 2);
}

/** Where `DecodeModel`s are: that of the main model, and that of the MTP module as it drafts, 0 without drafts. */
export interface EngineModel {
  readonly main: Address;
  readonly draft: Address;
}

/** Writes a model down for passes of at most `rows` rows. All of it belongs to `blocks`. */
export function writeEngineModel(
  backend: EngineBackend,
  model: DeepseekV3ForCausalLM,
  blocks: EngineBlocks,
  rows: number,
  drafts: boolean,
): EngineModel {
  const { config, rotary } = model;
  const { numHiddenLayers } = config;
  const weights = new EngineWeights(backend, model, blocks);
  const mtp = `model.layers.${numHiddenLayers}`;
  const layers = Array.from({ length: numHiddenLayers + Number(drafts) }, (_, i) => layerFields(weights, config, i));
  const rest: Field[] = [
    backend.address(rotary.cos),
    backend.address(rotary.sin),
    weights.plain('model.embed_tokens.weight'),
    weights.plain('model.norm.weight'),
    weights.packed('lm_head.weight'),
    writeFields(backend, blocks, layers.flat()),
    numHiddenLayers,
    ...(drafts
      ? [
          weights.plain(`${mtp}.enorm.weight`),
          weights.plain(`${mtp}.hnorm.weight`),
          weights.packed(`${mtp}.eh_proj.weight`),
          weights.plain(`${mtp}.shared_head.norm.weight`),
        ]
      : [0, 0, 0, 0]),
    ...workspaceFields(backend, blocks, config, rows),
  ];
  const write = (settings: ModelConfig) => writeFields(backend, blocks, [...configFields(settings), ...rest]);
  const drafting = { ...config, numExpertsPerTok: draftExperts(config) };
  return { main: write(config), draft: drafts ? write(drafting) : nowhere };
}
