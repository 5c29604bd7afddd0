// What the tests of src/io share: a fresh folder for each test, and a small model with every kind of tensor.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { ModelConfig } from '../../src/config/model-config.ts';
import type { CheckpointContents } from '../../src/io/checkpoint.ts';
import type { TensorShape } from '../../src/io/tensor-source.ts';
import type { NamedTensor } from '../../src/tensor/named-tensor.ts';

/** A folder that exists for each test of the file: call the result for paths inside it. */
export function useTempFolder(): (...names: string[]) => string {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tinyseek-io-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return (...names) => join(folder, ...names);
}

// Sizes are distinct primes: V 13 vocabulary, D 5 hidden, E 3 experts, F 2 expert hidden.
export const config: ModelConfig = {
  vocabSize: 13,
  hiddenSize: 5,
  intermediateSize: 7,
  moeIntermediateSize: 2,
  numHiddenLayers: 2,
  numAttentionHeads: 1,
  qLoraRank: null,
  kvLoraRank: 3,
  qkNopeHeadDim: 2,
  qkRopeHeadDim: 2,
  vHeadDim: 2,
  nRoutedExperts: 3,
  nSharedExperts: 1,
  numExpertsPerTok: 2,
  nGroup: 1,
  topkGroup: 1,
  normTopkProb: true,
  routedScalingFactor: 2.5,
  scoringFunc: 'sigmoid',
  firstKDenseReplace: 1,
  numNextnPredictLayers: 1,
  maxPositionEmbeddings: 17,
  ropeTheta: 10000,
  ropeScaling: null,
  ropeInterleave: true,
  rmsNormEps: 1e-6,
  initializerRange: 0.02,
  bosTokenId: 11,
  eosTokenId: 12,
  mtpConcatOrder: 'embedding-first',
  mtpHiddenState: 'post-norm',
  expertBiasForm: 'additive',
};

/** A part of a model in memory: enough to meet every rule of the conversion to a file. */
export const shapes: readonly TensorShape[] = [
  { name: 'model.embed_tokens.weight', shape: [13, 5] },
  { name: 'model.layers.0.mlp.gate_proj.weight', shape: [7, 5] },
  { name: 'model.layers.1.mlp.gate.weight', shape: [3, 5] },
  { name: 'model.layers.1.mlp.gate.e_score_correction_bias', shape: [3] },
  { name: 'model.layers.1.mlp.experts.gate_up_proj', shape: [3, 4, 5] },
  { name: 'model.layers.1.mlp.experts.down_proj', shape: [3, 5, 2] },
  { name: 'model.layers.1.mlp.shared_experts.down_proj.weight', shape: [5, 2] },
  { name: 'model.layers.2.eh_proj.weight', shape: [5, 10] },
  { name: 'model.layers.2.shared_head.norm.weight', shape: [5] },
  { name: 'lm_head.weight', shape: [13, 5] },
];

/** Tensors whose every element is different: `start`, `start + 1`, ... */
export function countingTensors(list: readonly TensorShape[], start = 0): NamedTensor[] {
  let next = start;
  return list.map(({ name, shape }) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next++);
    return { name, shape, data };
  });
}

/** A checkpoint whose every value depends on `step`. */
export function contentsAt(step: number): CheckpointContents {
  return {
    config,
    hfConfig: { model_type: 'deepseek_v3', hidden_size: 5 },
    tokenizerJson: { version: '1.0', model: { type: 'BPE' } },
    tokenizerConfig: { tokenizer_class: 'PreTrainedTokenizerFast' },
    generationConfig: { bos_token_id: 11, eos_token_id: 12 },
    model: countingTensors(shapes, step),
    optimizer: countingTensors([{ name: 'exp_avg.lm_head.weight', shape: [13, 5] }], -step),
    trainerState: { step, rng: [1, 2, 0.1] },
  };
}
