// `ModelConfig` to and from the `config.json` of a Hugging Face `deepseek_v3` folder.
//
// Keys are converted mechanically (`kvLoraRank` is `kv_lora_rank`), so there is no table of names. What is listed here
// are the keys that have no counterpart, because this model has only one choice there: they are written for loaders
// (F 8.1 and F 8.3 in `docs/facts.md`). What a file from elsewhere may have differently, and what is said about it, is
// in `huggingface-foreign.ts`.

import { UserError } from '../errors.ts';
import { checkForeign, isForeign } from './huggingface-foreign.ts';
import { readRopeScaling, readRopeTheta } from './huggingface-rope.ts';
import { type ConfigSource, isRecord, showValue } from './issues.ts';
import type { ModelConfig } from './model-config.ts';
import { modelConfigSchema } from './schema.ts';
import { validateModelConfig } from './validate.ts';

/** Version of the meaning of our own keys; a reader refuses a higher one. */
const formatVersion = 1;

/** Keys that mean something here and nowhere else. */
export const ownKeys = ['mtp_concat_order', 'mtp_hidden_state', 'expert_bias_form', 'tinyseek_format'] as const;

/** Keys with one value here. */
const fixedKeys: Readonly<Record<string, unknown>> = {
  architectures: ['DeepseekV3ForCausalLM'],
  model_type: 'deepseek_v3',
  hidden_act: 'silu',
  attention_bias: false,
  tie_word_embeddings: false,
  moe_layer_freq: 1,
  topk_method: 'noaux_tc',
};

/** Keys that loaders expect and that change nothing here; `aux_loss_alpha` is the report's, no loader reads it. */
const ignoredKeys: Readonly<Record<string, unknown>> = {
  attention_dropout: 0,
  aux_loss_alpha: 1e-4,
  seq_aux: true,
  ep_size: 1,
  pretraining_tp: 1,
  use_cache: true,
};

/** Names of keys that may have any value. */
export const inertKeys: readonly string[] = Object.keys(ignoredKeys);

/**
 * What a file may leave out, and what transformers 5.18 does then (`DeepseekV3Config`). There the depth of MTP is 1
 * where the file does not say: see `folder-config.ts`.
 */
const defaults: ModelConfig = {
  vocabSize: 129280,
  hiddenSize: 7168,
  intermediateSize: 18432,
  moeIntermediateSize: 2048,
  numHiddenLayers: 61,
  numAttentionHeads: 128,
  qLoraRank: 1536,
  kvLoraRank: 512,
  qkNopeHeadDim: 128,
  qkRopeHeadDim: 64,
  vHeadDim: 128,
  nRoutedExperts: 256,
  nSharedExperts: 1,
  numExpertsPerTok: 8,
  nGroup: 8,
  topkGroup: 4,
  normTopkProb: true,
  routedScalingFactor: 2.5,
  scoringFunc: 'sigmoid',
  firstKDenseReplace: 3,
  numNextnPredictLayers: 0,
  maxPositionEmbeddings: 4096,
  ropeTheta: 10_000,
  ropeScaling: null,
  ropeInterleave: true,
  rmsNormEps: 1e-6,
  initializerRange: 0.02,
  bosTokenId: 0,
  eosTokenId: 1,
  mtpConcatOrder: 'embedding-first',
  mtpHiddenState: 'post-norm',
  expertBiasForm: 'additive',
};

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const hubSource: ConfigSource = {
  where: 'config.json',
  keyName: snakeCase,
  remedy: 'check that it is the config.json of these weights',
};

function snakeCaseKeys(record: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [snakeCase(key), isRecord(value) ? snakeCaseKeys(value) : value]),
  );
}

/** transformers warns of keys of `linear` that it does not know. */
function writtenScaling({ ropeScaling }: ModelConfig): object | null {
  return ropeScaling?.type === 'linear' ? { type: 'linear', factor: ropeScaling.factor } : ropeScaling;
}

/**
 * The content of `config.json`, ready for `huggingFaceConfigText`: all that transformers, vLLM and SGLang ask for.
 * `torchDtype` is PyTorch's name of the format the weights are stored in.
 *
 * transformers has no softmax affinities, no multiplicative bias and no MTP: it ignores those keys and computes what it
 * would for the released model.
 */
export function toHuggingFaceConfig(config: ModelConfig, torchDtype = 'float32'): Record<string, unknown> {
  return {
    ...ignoredKeys,
    torch_dtype: torchDtype,
    ...fixedKeys,
    ...snakeCaseKeys({ ...config, ropeScaling: writtenScaling(config) }),
    num_key_value_heads: config.numAttentionHeads,
    tinyseek_format: formatVersion,
  };
}

function checkFormat(json: Readonly<Record<string, unknown>>): void {
  const version = json.tinyseek_format ?? formatVersion;
  if (typeof version !== 'number') {
    throw new UserError(
      `config.json: tinyseek_format (${showValue(version)}) is not supported: expected a number up to ${formatVersion}`,
    );
  }
  if (version > formatVersion) {
    throw new UserError(
      `config.json: tinyseek_format (${version}) is newer than this version of tinyseek, which reads up to ` +
        `${formatVersion}; update tinyseek`,
    );
  }
}

/** A token id as a file has it: a number, or a list of them, of which the first is taken; null for none. */
function readTokenId(value: unknown): unknown {
  const id: unknown = Array.isArray(value) ? (value[0] ?? null) : value;
  return typeof id === 'number' && id < 0 ? null : id;
}

/**
 * The `ModelConfig` in a parsed `config.json`, ours or another's `deepseek_v3`. A file from elsewhere is read as
 * transformers reads it: keys that it leaves out have transformers' defaults, and keys that transformers ignores
 * change nothing (`foreignNotes` says which those are).
 *
 * @throws UserError for another architecture, a value that this model cannot have, settings that cannot be computed,
 * and a file of a later version of ours; it names the key as the file spells it.
 */
export function fromHuggingFaceConfig(json: unknown): ModelConfig {
  if (!isRecord(json)) throw new UserError(`config.json: expected an object, found ${showValue(json)}`);
  checkFormat(json);
  checkForeign(json);
  const present = Object.keys(modelConfigSchema.shape).filter((key) => Object.hasOwn(json, snakeCase(key)));
  const stated: Record<string, unknown> = Object.fromEntries(present.map((key) => [key, json[snakeCase(key)]]));
  const config = {
    ...defaults,
    ...stated,
    ...(isForeign(json) ? { scoringFunc: 'sigmoid' } : {}),
    numNextnPredictLayers: mtpDepth(json) ?? defaults.numNextnPredictLayers,
    bosTokenId: readTokenId(stated.bosTokenId ?? null),
    eosTokenId: readTokenId(stated.eosTokenId ?? null),
    ropeTheta: readRopeTheta(json) ?? defaults.ropeTheta,
    ropeScaling: readRopeScaling(json),
  };
  return validateModelConfig(config, hubSource);
}

/** The depth of MTP that a file states, under transformers' name or its alias; undefined if it has neither. */
export function mtpDepth(json: Readonly<Record<string, unknown>>): unknown {
  return json.num_nextn_predict_layers ?? json.num_mtp_layers;
}
