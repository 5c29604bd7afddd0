// vLLM: `deepseek_v2.py`, `deepseek_mtp.py` and the attention backends of v1.
//
// Its MLA kernels are made for one size, 512 + 64 of cache a token (its CPU kernel for nothing else). With
// VLLM_MLA_DISABLE=1 keys and values are expanded and ordinary attention runs: heads of `qkNopeHeadDim +
// qkRopeHeadDim`, values padded to that width.

import type { ModelConfig } from '../config/model-config.ts';
import {
  additiveBias,
  embeddingFirst,
  equalTemperatures,
  fp8Untried,
  interleavedRope,
  latentEpsilon,
  postNormState,
  sharedExpert,
} from './common-rules.ts';
import type { LoaderRule } from './loader-rule.ts';

/** Head sizes of the CPU backend for ordinary attention. */
const cpuHeadSizes: readonly number[] = [32, 64, 80, 96, 112, 128, 160, 192, 224, 256];

const queryWidth = ({ qkNopeHeadDim, qkRopeHeadDim }: ModelConfig): number => qkNopeHeadDim + qkRopeHeadDim;
const hasKernelSize = ({ kvLoraRank, qkRopeHeadDim }: ModelConfig): boolean =>
  kvLoraRank === 512 && qkRopeHeadDim === 64;

const mlaSize: LoaderRule = (config) => {
  if (hasKernelSize(config)) return undefined;
  const { kvLoraRank, qkRopeHeadDim } = config;
  return {
    level: 'note',
    what: `kvLoraRank ${kvLoraRank} and qkRopeHeadDim ${qkRopeHeadDim}: its MLA kernels are made for 512 and 64`,
    fix: 'start it with VLLM_MLA_DISABLE=1, or train with kvLoraRank=512 and qkRopeHeadDim=64',
  };
};

const valuesFitHeads: LoaderRule = (config) => {
  if (hasKernelSize(config) || config.vHeadDim <= queryWidth(config)) return undefined;
  return {
    level: 'refused',
    what: `vHeadDim ${config.vHeadDim}: without its MLA kernels values are padded to the ${queryWidth(config)} of a query`,
    fix: `train with vHeadDim=${queryWidth(config)} or less`,
  };
};

const gpuHeadSize: LoaderRule = (config) => {
  const width = queryWidth(config);
  if (hasKernelSize(config) || (width % 8 === 0 && width >= 32 && width <= 256)) return undefined;
  return {
    level: 'refused',
    what: `qkNopeHeadDim + qkRopeHeadDim is ${width}: its attention kernels want a multiple of 8 from 32 to 256`,
    fix: 'train with qkNopeHeadDim=32 and qkRopeHeadDim=16, for example',
  };
};

const cpuHeadSize: LoaderRule = (config) => {
  const width = queryWidth(config);
  if (hasKernelSize(config) || cpuHeadSizes.includes(width)) return undefined;
  return {
    level: 'note',
    what: `qkNopeHeadDim + qkRopeHeadDim is ${width}: on a CPU only ${cpuHeadSizes.join(', ')} are possible`,
    fix: 'serve it on a GPU, or train with qkNopeHeadDim=48 and qkRopeHeadDim=16, for example',
  };
};

export const vllmRules: readonly LoaderRule[] = [
  additiveBias,
  interleavedRope,
  equalTemperatures,
  latentEpsilon,
  sharedExpert,
  valuesFitHeads,
  gpuHeadSize,
  cpuHeadSize,
  mlaSize,
  embeddingFirst,
  postNormState,
  fp8Untried,
];
