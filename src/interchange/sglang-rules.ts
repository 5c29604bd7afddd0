// SGLang: `deepseek_v2.py` and `deepseek_nextn.py`.

import {
  additiveBias,
  embeddingFirst,
  equalTemperatures,
  fp8Untried,
  interleavedRope,
  latentEpsilon,
  postNormState,
  sharedExpert,
  sigmoidAffinities,
} from './common-rules.ts';
import type { LoaderRule } from './loader-rule.ts';

const oneNextnLayer: LoaderRule = ({ numNextnPredictLayers: depth }) => {
  if (depth <= 1) return undefined;
  return {
    level: 'note',
    what: `numNextnPredictLayers ${depth}: speculative decoding fails with more than one such layer`,
    fix: 'serve it without --speculative-algorithm, or train with numNextnPredictLayers=1',
  };
};

const mlaSize: LoaderRule = ({ kvLoraRank, qkRopeHeadDim }) => {
  if (kvLoraRank === 512 && qkRopeHeadDim === 64) return undefined;
  return {
    level: 'note',
    what: `kvLoraRank ${kvLoraRank} and qkRopeHeadDim ${qkRopeHeadDim}: its default MLA kernels are made for 512 and 64`,
    fix: 'start it with --attention-backend triton, whose kernels take other sizes',
  };
};

export const sglangRules: readonly LoaderRule[] = [
  sigmoidAffinities,
  additiveBias,
  interleavedRope,
  equalTemperatures,
  latentEpsilon,
  sharedExpert,
  mlaSize,
  oneNextnLayer,
  embeddingFirst,
  postNormState,
  fp8Untried,
];
