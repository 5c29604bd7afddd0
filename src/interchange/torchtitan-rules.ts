// torchtitan, `models/deepseek_v3`, with the flavour that `torchtitan-config.ts` writes.

import {
  additiveBias,
  embeddingFirst,
  equalTemperatures,
  fp8Untried,
  interleavedRope,
  sharedExpert,
} from './common-rules.ts';
import type { LoaderRule } from './loader-rule.ts';

/** Its experts run in bfloat16 in one grouped product, whose rows must start on multiples of 16 bytes. */
const groupedProduct: LoaderRule = ({ hiddenSize, moeIntermediateSize }) => {
  if (hiddenSize % 8 === 0 && moeIntermediateSize % 8 === 0) return undefined;
  return {
    level: 'refused',
    what: `hiddenSize ${hiddenSize} and moeIntermediateSize ${moeIntermediateSize}: both must be multiples of 8 there`,
    fix: 'train with multiples of 8',
  };
};

/** FlexAttention's kernels. */
const attentionWidths: LoaderRule = ({ qkNopeHeadDim, qkRopeHeadDim, vHeadDim }) => {
  if (qkNopeHeadDim + qkRopeHeadDim >= 16 && vHeadDim >= 16) return undefined;
  return {
    level: 'refused',
    what: `heads of ${qkNopeHeadDim + qkRopeHeadDim} (queries) and ${vHeadDim} (values): on a GPU both must be at least 16`,
    fix: 'train with qkNopeHeadDim + qkRopeHeadDim and vHeadDim of 16 or more',
  };
};

/** Its MTP layers are copies of the last main layer's configuration. */
const mtpLayerHasExperts: LoaderRule = ({ numNextnPredictLayers, firstKDenseReplace, numHiddenLayers }) => {
  if (numNextnPredictLayers === 0 || firstKDenseReplace < numHiddenLayers) return undefined;
  return {
    level: 'refused',
    what: 'firstKDenseReplace is numHiddenLayers: the MTP module is dense there, as the last layer is, and has experts here',
    fix: `train with firstKDenseReplace=${numHiddenLayers - 1} or less, or export with --no-mtp`,
  };
};

const preNormState: LoaderRule = ({ numNextnPredictLayers, mtpHiddenState }) => {
  if (numNextnPredictLayers === 0 || mtpHiddenState === 'pre-norm') return undefined;
  return {
    level: 'note',
    what: `mtpHiddenState ${mtpHiddenState}: the MTP module reads the state before the final norm there`,
    fix: 'expect the MTP loss to start higher and to come down; the main model is the same',
  };
};

const mtpParallelism: LoaderRule = ({ numNextnPredictLayers }) => {
  if (numNextnPredictLayers === 0) return undefined;
  const what =
    'with an MTP module neither pipeline nor context parallelism is possible there, and its bias stays as it is';
  return { level: 'note', what, fix: 'to train without it, export with --no-mtp' };
};

export const torchtitanRules: readonly LoaderRule[] = [
  groupedProduct,
  attentionWidths,
  sharedExpert,
  mtpLayerHasExperts,
  additiveBias,
  interleavedRope,
  equalTemperatures,
  embeddingFirst,
  preNormState,
  mtpParallelism,
  fp8Untried,
];
