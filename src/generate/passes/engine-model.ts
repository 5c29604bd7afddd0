// Writes a model down for the kernels of the engine, as the records of src/engine/decode-layout.ts.

import type { ModelConfig } from '../../config/model-config.ts';
import { type Address, nowhere } from '../../engine/address.ts';
import type { EngineBackend } from '../../engine/backend.ts';
import { decodeLayer, decodeModel } from '../../engine/decode-layout.ts';
import { type Layout, type RecordOf, wordsOf, writeRecords } from '../../engine/layout.ts';
import { mostThreads } from '../../engine/thread-pool.ts';
import { type WeightFormat, weightFormats } from '../../engine/weight-formats.ts';
import { softmaxScale } from '../../layers/rotary-embedding.ts';
import { latentNormEps } from '../../mla/attention.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { type EngineBlocks, wordsAt } from './engine-blocks.ts';
import { EngineWeights, type ModelWeights } from './engine-weights.ts';
import { NarrowWeights, plainFormat, widePanel } from './narrow-weights.ts';

/** Writes records one after the other into a block of their own, and returns where they begin. */
function writeBlock<L extends Layout>(
  backend: EngineBackend,
  blocks: EngineBlocks,
  layout: L,
  records: readonly RecordOf<L>[],
): Address {
  const length = records.length * wordsOf(layout);
  const address = blocks.take(length);
  writeRecords(wordsAt(backend, address, length), layout, records);
  return address;
}

type Layer = RecordOf<typeof decodeLayer>;
type Model = RecordOf<typeof decodeModel>;

function layerRecord(weights: ModelWeights, config: ModelConfig, layer: number): Layer {
  const { numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V, qLoraRank } = config;
  const name = `model.layers.${layer}`;
  const attention = `${name}.self_attn`;
  const compressed = [`${attention}.${qLoraRank === null ? 'q_proj' : 'q_a_proj'}.weight`];
  const kvB = `${attention}.kv_b_proj.weight`;
  return {
    inputNorm: weights.plain(`${name}.input_layernorm.weight`),
    compress: weights.stacked(...compressed, `${attention}.kv_a_proj_with_mqa.weight`),
    queryNorm: qLoraRank === null ? nowhere : weights.plain(`${attention}.q_a_layernorm.weight`),
    latentNorm: weights.plain(`${attention}.kv_a_layernorm.weight`),
    queryUp: qLoraRank === null ? nowhere : weights.heads(`${attention}.q_b_proj.weight`, H, 0, P + R, false),
    keyUp: weights.heads(kvB, H, 0, P, true),
    valueUp: weights.heads(kvB, H, P, V, false),
    output: weights.packed(`${attention}.o_proj.weight`),
    postNorm: weights.plain(`${name}.post_attention_layernorm.weight`),
    ...feedForward(weights, config, `${name}.mlp`, layer),
  };
}

type Dense = Pick<Layer, 'width' | 'gateUp' | 'down'>;
type Routed = Pick<Layer, 'router' | 'bias' | 'expertGateUp' | 'expertDown'>;

const noDense: Dense = { width: 0, gateUp: nowhere, down: nowhere };
const noRouted: Routed = { router: nowhere, bias: nowhere, expertGateUp: nowhere, expertDown: nowhere };

function feedForward(weights: ModelWeights, config: ModelConfig, mlp: string, layer: number): Dense & Routed {
  const { firstKDenseReplace, intermediateSize, nSharedExperts, moeIntermediateSize } = config;
  const swiglu = (name: string, width: number): Dense => ({
    width,
    gateUp: weights.gateUp(`${name}.gate_proj.weight`, `${name}.up_proj.weight`),
    down: weights.packed(`${name}.down_proj.weight`),
  });
  if (layer < firstKDenseReplace) return { ...swiglu(mlp, intermediateSize), ...noRouted };
  const shared = nSharedExperts > 0 ? swiglu(`${mlp}.shared_experts`, nSharedExperts * moeIntermediateSize) : noDense;
  return {
    ...shared,
    router: weights.packedPlain(`${mlp}.gate.weight`),
    bias: weights.bias(layer),
    expertGateUp: weights.expertsGateUp(`${mlp}.experts.gate_up_proj`),
    expertDown: weights.expertsDown(`${mlp}.experts.down_proj`),
  };
}

/** Sizes and settings. */
function settings(config: ModelConfig) {
  return {
    hidden: config.hiddenSize,
    heads: config.numAttentionHeads,
    nope: config.qkNopeHeadDim,
    rope: config.qkRopeHeadDim,
    value: config.vHeadDim,
    latent: config.kvLoraRank,
    query: config.qLoraRank ?? 0,
    experts: config.nRoutedExperts,
    perToken: config.numExpertsPerTok,
    groups: config.nGroup,
    keptGroups: config.topkGroup,
    expertWidth: config.moeIntermediateSize,
    vocabulary: config.vocabSize,
    softmax: config.scoringFunc === 'softmax',
    normalise: config.normTopkProb,
    multiplicative: config.expertBiasForm === 'multiplicative',
    neighbours: config.ropeInterleave,
    normedHidden: config.mtpHiddenState === 'post-norm',
    embeddingFirst: config.mtpConcatOrder === 'embedding-first',
    eps: config.rmsNormEps,
    latentEps: latentNormEps,
    attentionScale: softmaxScale(config),
    routedScale: config.routedScalingFactor,
  };
}

/** Memory for the intermediate results of a pass of `rows` rows. */
function workspace(backend: EngineBackend, blocks: EngineBlocks, config: ModelConfig, rows: number) {
  const { hiddenSize: D, numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V } = config;
  const { kvLoraRank: C, nRoutedExperts: E, numExpertsPerTok: K, nGroup, moeIntermediateSize: F } = config;
  const [N, A] = [rows, (config.qLoraRank ?? H * (P + R)) + C + R];
  const widest = Math.max(config.intermediateSize, config.nSharedExperts * F);
  return {
    x: blocks.take(N * D),
    normed: blocks.take(N * D),
    joined: blocks.take(2 * N * D),
    compressed: blocks.take(N * A),
    queries: blocks.take(N * H * (P + R)),
    latentQueries: blocks.take(N * H * (C + R)),
    latentValues: blocks.take(N * H * C),
    values: blocks.take(N * H * V),
    logits: blocks.take(N * E),
    indices: blocks.take(N * K),
    scores: blocks.take(N * K),
    gates: blocks.take(N * K),
    selectSpace: blocks.take(mostThreads * backend.exports.selectWorkspace(E, nGroup)),
    offsets: blocks.take(E + 1),
    tokens: blocks.take(N * K),
    slots: blocks.take(N * K),
    busy: blocks.take(E),
    active: blocks.take(N * widest),
    routedActive: blocks.take(N * K * F),
  };
}

/** What an MTP module has besides its layer. */
function mtpRecord(weights: ModelWeights, name: string) {
  return {
    embeddingNorm: weights.plain(`${name}.enorm.weight`),
    hiddenNorm: weights.plain(`${name}.hnorm.weight`),
    project: weights.packedPlain(`${name}.eh_proj.weight`),
    headNorm: weights.plain(`${name}.shared_head.norm.weight`),
  };
}

const noMtp = { embeddingNorm: nowhere, hiddenNorm: nowhere, project: nowhere, headNorm: nowhere };

/**
 * How many experts a token has in the MTP module when it drafts: half of them. A draft may come from any distribution,
 * and the other half costs more than the acceptance that it brings (docs/generate.md).
 */
function draftExperts({ numExpertsPerTok }: ModelConfig): number {
  return Math.ceil(numExpertsPerTok / 2);
}

/** Addresses of two `DecodeModel`s: the main model, and the MTP module as it drafts (0 without drafts). */
export interface EngineModel {
  readonly main: Address;
  readonly draft: Address;
}

/** Formats of the matrices, and memory in which a thread makes WIDE outputs of one float32. */
function formats(blocks: EngineBlocks, format: WeightFormat, mostInputs: number) {
  const panel = mostInputs * widePanel;
  return {
    format: weightFormats.indexOf(format),
    plainFormat: weightFormats.indexOf(plainFormat(format)),
    unpackedBytes: 4 * panel,
    unpacked: blocks.take(mostThreads * panel),
  };
}

/** Writes a model down for passes of at most `rows` rows. All of it belongs to `blocks`. */
export function writeEngineModel(
  backend: EngineBackend,
  model: DeepseekV3ForCausalLM,
  blocks: EngineBlocks,
  rows: number,
  drafts: boolean,
  format: WeightFormat,
): EngineModel {
  const { config, rotary } = model;
  const { numHiddenLayers } = config;
  const weights: ModelWeights =
    format === 'float32'
      ? new EngineWeights(backend, model, blocks)
      : new NarrowWeights(backend, model, blocks, format);
  const layers = Array.from({ length: numHiddenLayers + Number(drafts) }, (_, i) => layerRecord(weights, config, i));
  const rest = {
    cos: backend.address(rotary.cos),
    sin: backend.address(rotary.sin),
    embedding: weights.plain('model.embed_tokens.weight'),
    norm: weights.plain('model.norm.weight'),
    head: weights.packedPlain('lm_head.weight'),
    layers: writeBlock(backend, blocks, decodeLayer, layers),
    layerCount: numHiddenLayers,
    ...(drafts ? mtpRecord(weights, `model.layers.${numHiddenLayers}`) : noMtp),
    ...workspace(backend, blocks, config, rows),
    ...formats(blocks, format, weights.mostInputs),
  };
  const write = (config: ModelConfig) => {
    const record: Model = { ...settings(config), ...rest };
    return writeBlock(backend, blocks, decodeModel, [record]);
  };
  const drafting = { ...config, numExpertsPerTok: draftExperts(config) };
  return { main: write(config), draft: drafts ? write(drafting) : nowhere };
}
