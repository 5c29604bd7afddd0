// Rules that hold for several programs.

import { isFp8 } from './export-format.ts';
import type { LoaderRule } from './loader-rule.ts';

/** No other program knows a bias that multiplies. */
export const additiveBias: LoaderRule = ({ expertBiasForm }) => {
  if (expertBiasForm === 'additive') return undefined;
  return {
    level: 'different',
    what: 'expertBiasForm multiplicative: the bias is added to the affinities there, so tokens visit other experts',
    fix: 'train with expertBiasForm=additive',
  };
};

/** Where the affinities of a model with a correction bias are sigmoids whatever `scoring_func` says. */
export const sigmoidAffinities: LoaderRule = ({ scoringFunc }) => {
  if (scoringFunc === 'sigmoid') return undefined;
  return {
    level: 'different',
    what: `scoringFunc ${scoringFunc}: affinities are sigmoids there, whatever scoring_func says`,
    fix: 'train with scoringFunc=sigmoid',
  };
};

/** Where rotary pairs are always neighbouring channels. */
export const interleavedRope: LoaderRule = ({ ropeInterleave }) => {
  if (ropeInterleave) return undefined;
  return {
    level: 'different',
    what: 'ropeInterleave false: rotary pairs are neighbouring channels there, so positions come out wrong',
    fix: 'train with ropeInterleave=true',
  };
};

/** The norms of both latents have epsilon 1e-6 here and in transformers, and `rms_norm_eps` elsewhere. */
export const latentEpsilon: LoaderRule = ({ rmsNormEps }) => {
  if (rmsNormEps === 1e-6) return undefined;
  return {
    level: 'different',
    what: `rmsNormEps ${rmsNormEps}: the norms of the latents have it there, and 1e-6 here; logits differ slightly`,
    fix: 'train with rmsNormEps=1e-6',
  };
};

/** Where a shared expert is always built. */
export const sharedExpert: LoaderRule = ({ nSharedExperts }) => {
  if (nSharedExperts > 0) return undefined;
  return {
    level: 'refused',
    what: 'nSharedExperts 0: a shared expert is built there all the same, of width 0 and without weights to load',
    fix: 'train with nSharedExperts=1',
  };
};

/** The input of `eh_proj` has the embedding first in every other program. */
export const embeddingFirst: LoaderRule = ({ numNextnPredictLayers, mtpConcatOrder }) => {
  if (numNextnPredictLayers === 0 || mtpConcatOrder === 'embedding-first') return undefined;
  return {
    level: 'different',
    what: `mtpConcatOrder ${mtpConcatOrder}: the embedding comes first there, so what the MTP module drafts is wrong`,
    fix: 'train with mtpConcatOrder=embedding-first, or export with --no-mtp',
  };
};

/** Where the MTP module reads the hidden state after the final norm. */
export const postNormState: LoaderRule = ({ numNextnPredictLayers, mtpHiddenState }) => {
  if (numNextnPredictLayers === 0 || mtpHiddenState === 'post-norm') return undefined;
  return {
    level: 'different',
    what: `mtpHiddenState ${mtpHiddenState}: the MTP module reads the state after the final norm there and drafts badly`,
    fix: 'train with mtpHiddenState=post-norm, or export with --no-mtp',
  };
};

/** Where position interpolation is unknown, and YaRN's factor on the rotary tables is not that of transformers. */
export const equalTemperatures: LoaderRule = ({ ropeScaling: yarn }) => {
  if (yarn?.type === 'linear') {
    return {
      level: 'different',
      what: 'ropeScaling linear: position interpolation is not computed there, so positions come out wrong',
      fix: 'extend the model with YaRN, or load it with transformers',
    };
  }
  if (yarn === null) return undefined;
  const { mscale, mscaleAllDim, attentionFactor, truncate } = yarn;
  const isReleased = mscale === mscaleAllDim && mscale > 0 && attentionFactor === undefined && truncate !== false;
  if (isReleased) return undefined;
  return {
    level: 'different',
    what: `ropeScaling.mscale ${mscale} and mscaleAllDim ${mscaleAllDim}: only equal ones above 0 mean the same there`,
    fix: 'train with ropeScaling.mscale and ropeScaling.mscaleAllDim both 1',
  };
};

/** Programs whose reading of FP8 weights could neither be run nor followed through their kernels. */
export const fp8Untried: LoaderRule = (_, format) => {
  if (!isFp8(format)) return undefined;
  const what = 'weights in FP8: they are laid out as DeepSeek-V3 was released, but loading them there was not tried';
  return { level: 'note', what, fix: 'export with --dtype bf16 if they are refused' };
};
