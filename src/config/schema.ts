// The one description of every key of a run: type, range and meaning, as zod schemas.
//
// Each range is made by a helper below, whose error text completes the sentence "key (value) must be ...". Constraints
// between keys are in `validate.ts`. `schema/run-config.schema.json` is made from this file by `tools/write-schema.ts`.

import * as z from 'zod';
import type { ModelConfig, RopeScaling } from './model-config.ts';
import { presetNames } from './presets.ts';
import type { TrainConfig } from './train-config.ts';

/** A schema for each key of a record, which must give exactly the type that the record has there. */
type ShapeOf<T> = { readonly [K in keyof T]-?: z.ZodType<T[K]> };

function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  const upTo = maximum === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${maximum}`;
  const error = `an integer of at least ${minimum}${upTo}`;
  return z.int({ error, abort: true }).min(minimum, { error }).max(maximum, { error });
}

function greaterThan(bound: number) {
  const error = `a number greater than ${bound}`;
  return z.number({ error }).gt(bound, { error });
}

function atLeast(minimum: number) {
  const error = `a number of at least ${minimum}`;
  return z.number({ error }).min(minimum, { error });
}

function fraction() {
  const error = 'a fraction from 0 to 1';
  return z.number({ error }).min(0, { error }).max(1, { error });
}

function fractionBelowOne() {
  const error = 'a number from 0 up to but not including 1';
  return z.number({ error }).min(0, { error }).lt(1, { error });
}

function openFraction() {
  const error = 'a fraction between 0 and 1, both excluded';
  return z.number({ error }).gt(0, { error }).lt(1, { error });
}

function flag() {
  return z.boolean({ error: 'true or false' });
}

function text() {
  const error = 'a text that is not empty';
  return z.string({ error }).min(1, { error });
}

function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, { error: values.length === 1 ? `${values[0]}` : `one of ${values.join(', ')}` });
}

const ropeScalingShape = {
  type: oneOf(['yarn']).describe('Only YaRN is supported'),
  factor: atLeast(1).describe('How many times longer the context becomes'),
  originalMaxPositionEmbeddings: integer(1).describe('Length trained at before the extension, in tokens'),
  betaFast: greaterThan(0).describe('Rotations within the original length above which a frequency is left alone'),
  betaSlow: greaterThan(0).describe(
    'Rotations within the original length below which a frequency is divided by factor',
  ),
  mscale: atLeast(0).describe('Temperature coefficient of the rotary part; must equal mscaleAllDim'),
  mscaleAllDim: atLeast(0).describe('Temperature coefficient of the attention logits'),
} satisfies ShapeOf<RopeScaling>;

const modelShape = {
  vocabSize: integer(2).describe('Size of the vocabulary, special tokens included; in a run the tokenizer decides it'),
  hiddenSize: integer(1).describe('Width of the residual stream'),
  intermediateSize: integer(1).describe('Width of the SwiGLU of the dense layers'),
  moeIntermediateSize: integer(1).describe('Width of the SwiGLU of one expert'),
  numHiddenLayers: integer(1, 1024).describe('Transformer layers of the main model, without the MTP modules'),
  numAttentionHeads: integer(1).describe('Attention heads'),
  qLoraRank: integer(1).nullable().describe('Width of the compressed query; null: queries are not compressed'),
  kvLoraRank: integer(1).describe('Width of the compressed key/value latent'),
  qkNopeHeadDim: integer(1).describe('Width per head of the query and key part without position'),
  qkRopeHeadDim: integer(2).describe('Width of the rotary part of queries and keys; even'),
  vHeadDim: integer(1).describe('Width per head of the values'),
  nRoutedExperts: integer(2).describe('Routed experts per mixture-of-experts layer'),
  nSharedExperts: integer(0).describe('Experts that every token visits'),
  numExpertsPerTok: integer(1).describe('Routed experts that each token visits'),
  nGroup: integer(1).describe('Groups the routed experts are divided into'),
  topkGroup: integer(1).describe('Groups a token may visit'),
  normTopkProb: flag().describe('Normalise the gates of the selected experts to sum to one before scaling'),
  routedScalingFactor: greaterThan(0).describe('Factor on the gates after normalisation'),
  scoringFunc: oneOf(['sigmoid', 'softmax']).describe('How router logits become affinities'),
  firstKDenseReplace: integer(0).describe('Leading layers with a dense SwiGLU instead of experts'),
  numNextnPredictLayers: integer(0, 64).describe('Depth of multi-token prediction; 0 turns it off'),
  maxPositionEmbeddings: integer(1).describe('Longest sequence, in tokens'),
  ropeTheta: greaterThan(1).describe('Base of the rotary frequencies'),
  ropeScaling: z
    .strictObject(ropeScalingShape, { error: 'an object, or null' })
    .nullable()
    .describe('YaRN context extension; null: none'),
  ropeInterleave: flag().describe('Rotary pairs are neighbouring channels, as in the released weights'),
  rmsNormEps: greaterThan(0).describe('Epsilon of every RMSNorm'),
  initializerRange: greaterThan(0).describe('Standard deviation of the normal initialisation'),
  bosTokenId: integer(0).describe('Token that begins a text'),
  eosTokenId: integer(0).describe('Token that ends a document'),
  mtpConcatOrder: oneOf(['embedding-first', 'hidden-first']).describe(
    'Order of the two halves of the input of eh_proj',
  ),
  mtpHiddenState: oneOf(['post-norm', 'pre-norm']).describe('Hidden state an MTP module reads: after the final norm?'),
  expertBiasForm: oneOf(['additive', 'multiplicative']).describe('How the balancing bias enters selection'),
} satisfies ShapeOf<ModelConfig>;

const trainShape = {
  data: text().describe('Corpus: names with weights (moby-dick:2,code:1), files, folders or globs'),
  tokenizer: text().describe('bytes, bpe:SIZE, a gpt-tokenizer encoding, or the path of a tokenizer.json'),
  heldOutFraction: openFraction().describe('Share of the documents kept out of training for evaluation'),
  steps: integer(1).describe('Optimizer steps of the whole run'),
  batchSize: integer(1).describe('Sequences per optimizer step'),
  seqLen: integer(1).describe('Tokens per sequence'),
  gradAccumSteps: integer(1).describe('Parts a batch is computed in'),
  seed: integer(0, 2 ** 32 - 1).describe('Seed of the initialisation, the order of the data and the samples'),
  precision: oneOf(['float32', 'fp8']).describe('Numbers that linear layers and experts multiply; fp8 is emulated'),
  learningRate: greaterThan(0).describe('Peak learning rate'),
  lrSchedule: oneOf(['deepseek-v3', 'cosine', 'constant']).describe('Shape of the learning rate over the run'),
  warmupFraction: fraction().describe('Share of the run spent warming up linearly'),
  batchSizeSchedule: oneOf(['constant', 'deepseek-v3']).describe('Whether the batch grows at the start of the run'),
  adamBeta1: fractionBelowOne().describe('AdamW: decay of the first moment'),
  adamBeta2: fractionBelowOne().describe('AdamW: decay of the second moment'),
  adamEps: greaterThan(0).describe('AdamW: epsilon of the denominator'),
  weightDecay: atLeast(0).describe('Decoupled weight decay, on matrices only'),
  maxGradNorm: atLeast(0).describe('Gradients are scaled down to this global L2 norm; 0 turns clipping off'),
  emaDecay: fractionBelowOne().describe('Decay of the moving average of the weights; 0 turns it off'),
  balancing: oneOf(['bias', 'batch-aux', 'sequence-aux', 'none']).describe('What keeps the experts evenly loaded'),
  expertBiasUpdateSpeed: atLeast(0).describe('How far the expert bias moves per optimizer step'),
  expertBiasUpdateRule: oneOf(['sign', 'proportional']).describe('Move by the sign of the load error, or by the error'),
  expertBiasRecenter: flag().describe('Subtract the mean of the bias update'),
  expertBiasFreezeFraction: fraction().describe('Share of the run, at its end, in which the bias does not move'),
  balanceLossFactor: atLeast(0).describe('Weight of the balance loss'),
  mtpLossWeight: atLeast(0).describe('Weight of the MTP loss in the first part of the run'),
  mtpLossWeightFinal: atLeast(0).describe('Weight of the MTP loss afterwards'),
  mtpLossSwitchFraction: fraction().describe('Share of the run after which the weight of the MTP loss changes'),
  documentMask: flag().describe('Keep attention and labels inside a document when several share a row'),
  fimRate: fraction().describe('Share of the documents rewritten for fill-in-the-middle'),
  splitPunctuationRate: fraction().describe('Share of the punctuation+newline tokens that are split in two'),
  evalEvery: integer(0).describe('Steps between evaluations; 0: only at the end'),
  evalTokens: integer(1).describe('Most tokens per domain that an evaluation during the run reads'),
  checkpointEvery: integer(0).describe('Steps between checkpoints; 0: only at the end'),
  keepCheckpoints: integer(1).describe('Checkpoints kept'),
  sampleTokens: integer(0).describe('Tokens of each text sample; 0 turns samples off'),
} satisfies ShapeOf<TrainConfig>;

/** Types and ranges of a whole `ModelConfig`. */
export const modelConfigSchema = z.strictObject(modelShape, { error: 'an object' });

/** Types and ranges of a whole `TrainConfig`. */
export const trainConfigSchema = z.strictObject(trainShape, { error: 'an object' });

/** A run configuration as a person writes it: a preset and any key of model or training, all optional, in one flat record. */
export const runConfigSchema = z
  .strictObject({
    preset: z.enum(presetNames).describe('Named starting point of which the other keys are changes'),
    ...modelShape,
    ...trainShape,
  })
  .partial();

/** The run configuration as JSON Schema (draft 7, the one editors understand best), ready to be written to a file. */
export function runConfigJsonSchema(): string {
  const schema = z.toJSONSchema(runConfigSchema, { target: 'draft-7' });
  return `${JSON.stringify({ title: 'TinySeek run configuration', ...schema }, null, 2)}\n`;
}
