// The programs of a decoder for the sizes of a model.
// Shape legend: as in model.ts.

import type { ModelConfig } from '../../config/model-config.ts';
import type { Program } from '../program.ts';
import { type AttentionSizes, attend, queries, queryWidth } from './attention.ts';
import { activate, combine, type ExpertSizes } from './experts.ts';
import { routeRows } from './route.ts';
import { rowProduct } from './row-product.ts';
import { embedRows, joinRows, keepHidden } from './rows.ts';

/** Constants of attention that follow from the config. */
export interface AttentionConstants {
  readonly scale: number;
  /** Epsilon of the norms of queries and latents. */
  readonly latentEps: number;
}

/** The programs of a model's sizes, and the widths of what they make. */
export interface ModelPrograms {
  readonly attention: AttentionSizes;
  readonly experts: ExpertSizes;
  readonly compressedWidth: number;
  /** Width of the SwiGLU of the dense layers. */
  readonly denseWidth: number;
  readonly embed: Program;
  readonly compress: Program;
  readonly queries: Program;
  readonly attend: Program;
  readonly output: Program;
  readonly activateDense: Program;
  readonly combineDense: Program;
  readonly route: Program;
  readonly activate: Program;
  readonly combine: Program;
  readonly head: Program;
  readonly keep: Program;
  readonly join: Program;
  readonly project: Program;
}

export function programsOf(config: ModelConfig, { scale, latentEps }: AttentionConstants): ModelPrograms {
  const { hiddenSize: D, vocabSize, rmsNormEps: eps, intermediateSize, mtpHiddenState, mtpConcatOrder } = config;
  const attention: AttentionSizes = {
    H: config.numAttentionHeads,
    P: config.qkNopeHeadDim,
    R: config.qkRopeHeadDim,
    V: config.vHeadDim,
    C: config.kvLoraRank,
    Q: config.qLoraRank ?? 0,
    interleave: config.ropeInterleave,
    scale,
    latentEps,
  };
  const experts: ExpertSizes = {
    D,
    E: config.nRoutedExperts,
    G: config.nGroup,
    kept: config.topkGroup,
    K: config.numExpertsPerTok,
    F: config.moeIntermediateSize,
    S: config.nSharedExperts * config.moeIntermediateSize,
    isSoftmax: config.scoringFunc === 'softmax',
    isNormalised: config.normTopkProb,
    isMultiplicative: config.expertBiasForm === 'multiplicative',
    scaling: config.routedScalingFactor,
    eps,
  };
  const compressedWidth = queryWidth(attention) + attention.C + attention.R;
  const addTo = (name: string, inputs: number) =>
    rowProduct({
      name,
      inputs,
      outputs: D,
      matrices: ['weight'],
      tensors: { y: 'f32' },
      put: `y[row * ${D}u + o] += value;`,
    });
  return {
    attention,
    experts,
    compressedWidth,
    denseWidth: intermediateSize,
    embed: embedRows(D, vocabSize),
    compress: rowProduct({
      name: 'compress',
      inputs: D,
      outputs: compressedWidth,
      norm: eps,
      matrices: ['query', 'latent'],
      stacked: queryWidth(attention),
      tensors: { y: 'f32' },
      put: `y[row * ${compressedWidth}u + o] = value;`,
    }),
    queries: queries(attention),
    attend: attend(attention),
    output: addTo('output', attention.H * attention.V),
    activateDense: rowProduct({
      name: 'activate dense',
      inputs: D,
      outputs: intermediateSize,
      norm: eps,
      matrices: ['gate', 'up'],
      tensors: { y: 'f32' },
      put: `y[row * ${intermediateSize}u + o] = value / (1.0 + exp(-value)) * second;`,
    }),
    combineDense: addTo('combine dense', intermediateSize),
    route: routeRows(experts),
    activate: activate(experts),
    combine: combine(experts),
    head: rowProduct({
      name: 'head',
      inputs: D,
      outputs: vocabSize,
      norm: eps,
      source: 'wanted[row]',
      matrices: ['weight'],
      tensors: { wanted: 'u32', y: 'f32' },
      numbers: { offset: 'u32' },
      put: `y[(u.offset + row) * ${vocabSize}u + o] = value;`,
    }),
    keep: keepHidden(D, eps, mtpHiddenState === 'post-norm'),
    join: joinRows(D, vocabSize, eps, mtpConcatOrder === 'embedding-first'),
    project: rowProduct({
      name: 'project',
      inputs: 2 * D,
      outputs: D,
      matrices: ['weight'],
      tensors: { y: 'f32' },
      put: `y[row * ${D}u + o] = value;`,
    }),
  };
}
