// The one description of every key of a run: type, range and meaning, as zod schemas.
//
// Each range is made by a helper below, whose error text completes the sentence "key (value) must be ...". Constraints
// between keys are in `validate.ts`. `schema/run-config.schema.json` is made from this file by `tools/write-schema.ts`,
// and the tables of `docs/configuration.md` by `tools/reference-pages.ts`.

import * as z from 'zod';
import type { LinearScaling, ModelConfig, YarnScaling } from './model-config.ts';
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

const extensionShape = {
  factor: atLeast(1).describe('How many times longer the context becomes'),
  originalMaxPositionEmbeddings: integer(1).describe('Length trained at before the extension, in tokens'),
};

const linearShape = {
  type: oneOf(['linear']).describe('Position interpolation: every frequency is divided by the factor'),
  ...extensionShape,
} satisfies ShapeOf<LinearScaling>;

const yarnShape = {
  type: oneOf(['yarn']).describe('YaRN; `linear`, with the next two keys alone, is position interpolation'),
  ...extensionShape,
  betaFast: greaterThan(0).describe('Rotations within the original length above which a frequency is left alone'),
  betaSlow: greaterThan(0).describe(
    'Rotations within the original length below which a frequency is divided by factor',
  ),
  mscale: atLeast(0).describe('Temperature coefficient of the rotary part; DeepSeek sets both coefficients alike'),
  mscaleAllDim: atLeast(0).describe('Temperature coefficient of the attention logits; 0 leaves them alone'),
  attentionFactor: atLeast(0)
    .optional()
    .describe('Factor on the rotary tables in place of the one that the coefficients give'),
  truncate: flag().optional().describe('Whether the ends of the ramp between frequencies are whole channels; they are'),
} satisfies ShapeOf<YarnScaling>;

/** The keys of YaRN. */
export const yarnSchema = z.strictObject(yarnShape);

const modelShape = {
  vocabSize: integer(2).describe('Size of the vocabulary, special tokens included. In a run the tokenizer decides it'),
  hiddenSize: integer(1).describe('Width of the residual stream'),
  intermediateSize: integer(1).describe('Width of the SwiGLU of the dense layers'),
  moeIntermediateSize: integer(1).describe('Width of the SwiGLU of one expert'),
  numHiddenLayers: integer(1, 1024).describe('Transformer layers of the main model, without the MTP modules'),
  numAttentionHeads: integer(1).describe('Attention heads'),
  qLoraRank: integer(1).nullable().describe('Width of the compressed query; null leaves queries uncompressed'),
  kvLoraRank: integer(1).describe('Width of the compressed key/value latent, which the cache holds'),
  qkNopeHeadDim: integer(1).describe('Width per head of the part of queries and keys without position'),
  qkRopeHeadDim: integer(2).describe(
    'Width of the rotary part of queries and keys: one for each head of the query, one shared by all keys. Even',
  ),
  vHeadDim: integer(1).describe('Width per head of the values'),
  nRoutedExperts: integer(2).describe('Routed experts per mixture-of-experts layer'),
  nSharedExperts: integer(0).describe('Experts that every token visits, built as one SwiGLU of their joint width'),
  numExpertsPerTok: integer(1).describe('Routed experts that each token visits'),
  nGroup: integer(1).describe('Groups (nodes) that the routed experts are divided into'),
  topkGroup: integer(1).describe('Groups a token may visit'),
  normTopkProb: flag().describe(
    'Whether the gates of the selected experts are normalised to a sum of one before scaling',
  ),
  routedScalingFactor: greaterThan(0).describe('Factor on the gates after normalisation'),
  scoringFunc: oneOf(['sigmoid', 'softmax']).describe('How router logits become affinities'),
  firstKDenseReplace: integer(0).describe('Leading layers that keep a dense SwiGLU in place of experts'),
  numNextnPredictLayers: integer(0, 64).describe(
    'Depth of multi-token prediction, which is the number of MTP modules; 0 turns it off',
  ),
  maxPositionEmbeddings: integer(1).describe('Longest sequence, in tokens'),
  ropeTheta: greaterThan(1).describe('Base of the rotary frequencies'),
  ropeScaling: z
    .discriminatedUnion('type', [yarnSchema, z.strictObject(linearShape)], {
      error: ({ path = [] }) => (path.at(-1) === 'type' ? 'yarn or linear' : 'an object, or null'),
    })
    .nullable()
    .describe('Context extension, by YaRN or by position interpolation; null turns it off'),
  ropeInterleave: flag().describe(
    'Whether rotary pairs are neighbouring channels, as in the released weights, or the two halves of the slice',
  ),
  rmsNormEps: greaterThan(0).describe('Epsilon of every RMSNorm'),
  initializerRange: greaterThan(0).describe('Standard deviation of the normal initialisation'),
  bosTokenId: integer(0).nullable().describe('Token that begins a text; null if there is none'),
  eosTokenId: integer(0).nullable().describe('Token that ends a document; null if there is none'),
  mtpConcatOrder: oneOf(['embedding-first', 'hidden-first']).describe(
    'Order of the two halves of the input of eh_proj: embedding first (released weights) or last (the report)',
  ),
  mtpHiddenState: oneOf(['post-norm', 'pre-norm']).describe(
    'Hidden state that an MTP module reads: after the final norm (released weights) or before it',
  ),
  expertBiasForm: oneOf(['additive', 'multiplicative']).describe(
    'How the balancing bias enters selection: added to the affinity (the report), or multiplied with it',
  ),
} satisfies ShapeOf<ModelConfig>;

const trainShape = {
  data: text().describe('Corpus: names with weights (moby-dick:2,code:1), files, folders or globs'),
  tokenizer: text().describe(
    'bytes, chars, bpe:SIZE, bpe-deepseek:SIZE, an encoding of OpenAI (r50k_base, or r50k_base:SIZE), or a tokenizer.json',
  ),
  textKey: z
    .string({ error: 'a text' })
    .describe('Key of the text in rows of JSON Lines and CSV; empty: text, content, a conversation or a pair'),
  documentSeparator: z
    .string({ error: 'a text' })
    .describe('What stands between documents of a text file; empty: lines with a known end token'),
  heldOutFraction: openFraction().describe(
    'Share of the text of each corpus that is kept out of training for evaluation, in whole documents where possible',
  ),
  steps: integer(1, 10_000_000).describe('Optimizer steps of the whole run'),
  batchSize: integer(1, 2 ** 20).describe('Sequences per optimizer step, once a growing batch has its full size'),
  seqLen: integer(1, 2 ** 20).describe('Tokens per sequence'),
  alternateSeqLen: integer(0, 2 ** 20).describe(
    'Every second step reads rows of this length, as many as make the same number of tokens; 0: none does',
  ),
  gradAccumSteps: integer(1).describe('Parts that a batch is computed in, to save memory; their gradients are added'),
  seed: integer(0, 2 ** 32 - 1).describe('Seed of the initialisation, the order of the data and the samples'),
  precision: oneOf(['float32', 'fp8']).describe(
    'Numbers that linear layers and experts multiply; fp8 is emulated, and slower than float32',
  ),
  recompute: oneOf(['none', 'selective']).describe(
    'selective: the backward pass computes norms, up-projections of MLA and outputs of SwiGLU again, to save memory',
  ),
  cachedActivations: oneOf(['float32', 'fp8']).describe(
    'With precision fp8: what is kept for the backward pass. fp8: the formats of the report, and recompute: selective',
  ),
  learningRate: greaterThan(0).describe('Peak learning rate'),
  lrSchedule: oneOf(['deepseek-v3', 'cosine', 'constant']).describe(
    'Learning rate over the run. deepseek-v3: warm-up, constant, cosine to a tenth, two short constant phases',
  ),
  warmupFraction: fraction().describe('Share of the run in which the learning rate rises linearly'),
  batchSizeSchedule: oneOf(['constant', 'deepseek-v3']).describe(
    'deepseek-v3: the batch grows from a fifth to its full size over the first 3.17 % of the tokens',
  ),
  adamBeta1: fractionBelowOne().describe('AdamW: decay of the first moment'),
  adamBeta2: fractionBelowOne().describe('AdamW: decay of the second moment'),
  adamEps: greaterThan(0).describe('AdamW: epsilon of the denominator'),
  adamMoments: oneOf(['float32', 'bfloat16']).describe('AdamW: numbers that both moments are kept in'),
  weightDecay: atLeast(0).describe('Decoupled weight decay, on matrices only'),
  maxGradNorm: atLeast(0).describe('Gradients are scaled down to this global L2 norm; 0 turns clipping off'),
  emaDecay: fractionBelowOne().describe(
    'Decay of the moving average of the weights, which is evaluated beside them; 0 turns it off',
  ),
  balancing: oneOf(['bias', 'batch-aux', 'sequence-aux', 'none']).describe(
    'What keeps the experts evenly loaded: the bias, a loss over the batch, a loss over each sequence, or nothing',
  ),
  expertBiasUpdateSpeed: atLeast(0).describe('How far the balancing bias moves per optimizer step'),
  expertBiasUpdateRule: oneOf(['sign', 'proportional']).describe(
    'sign: every step has the same size (the report); proportional: it grows with the relative load error',
  ),
  expertBiasRecenter: flag().describe(
    'Whether the mean is subtracted from the steps of the bias, so that it does not drift (the report does not)',
  ),
  expertBiasFreezeFraction: fraction().describe(
    'Share of the run, at its end, in which the balancing bias does not move',
  ),
  balanceLossFactor: atLeast(0).describe(
    'Weight of the balance loss: a complement of the bias, or with batch-aux and sequence-aux the only balancing',
  ),
  mtpLossWeight: atLeast(0).describe('Weight of the MTP loss in the first part of the run'),
  mtpLossWeightFinal: atLeast(0).describe('Weight of the MTP loss afterwards'),
  mtpLossSwitchFraction: fraction().describe('Share of the run after which the weight of the MTP loss changes'),
  documentMask: flag().describe(
    "Whether attention and labels stay inside a document when several share a row (not in the report's pre-training)",
  ),
  fimRate: fraction().describe('Share of the training documents that are rewritten for fill-in-the-middle'),
  splitPunctuationRate: fraction().describe(
    'Share of the tokens of punctuation and line breaks that are split in two in training',
  ),
  evalEvery: integer(0).describe('Steps between evaluations on held-out text; 0 evaluates at the end only'),
  evalTokens: integer(1).describe(
    'Most tokens per domain that an evaluation during the run reads; the last one reads all',
  ),
  checkpointEvery: integer(0).describe('Steps between checkpoints; 0 writes one at the end only'),
  keepCheckpoints: integer(1).describe('How many checkpoints are kept, the newest ones'),
  sampleTokens: integer(0).describe('Tokens of each text sample (before, half-way, after); 0 turns samples off'),
} satisfies ShapeOf<TrainConfig>;

/** Types and ranges of a whole `ModelConfig`. */
export const modelConfigSchema = z.strictObject(modelShape, { error: 'an object' });

/** Types and ranges of a whole `TrainConfig`. */
export const trainConfigSchema = z.strictObject(trainShape, { error: 'an object' });

/**
 * A run configuration as a person writes it: a preset and any key of model or training, all optional, in one flat
 * record.
 */
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
