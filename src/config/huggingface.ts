// `ModelConfig` to and from the `config.json` of a Hugging Face `deepseek_v3` folder.
//
// Keys are converted mechanically (`kvLoraRank` is `kv_lora_rank`), so there is no table of names. What is listed here
// are the keys that have no counterpart, because this model has only one choice there: they are written for loaders
// (F 8.1 and F 8.3 in `docs/facts.md`) and must have that value when read.

import { UserError } from '../errors.ts';
import { type ConfigSource, isRecord, showValue } from './issues.ts';
import type { ModelConfig } from './model-config.ts';
import { modelConfigSchema } from './schema.ts';
import { validateModelConfig } from './validate.ts';

/** Version of the meaning of our own keys; a reader refuses a higher one. */
const formatVersion = 1;

/** Keys with one supported value: written always, checked when present. */
const fixedKeys: Readonly<Record<string, unknown>> = {
  model_type: 'deepseek_v3',
  hidden_act: 'silu',
  attention_bias: false,
  tie_word_embeddings: false,
  moe_layer_freq: 1,
  topk_method: 'noaux_tc',
};

/** Keys that loaders expect and that change nothing here; `aux_loss_alpha` is the report's, no loader reads it. */
const ignoredKeys: Readonly<Record<string, unknown>> = {
  architectures: ['DeepseekV3ForCausalLM'],
  attention_dropout: 0,
  aux_loss_alpha: 1e-4,
  seq_aux: true,
  ep_size: 1,
  pretraining_tp: 1,
  use_cache: true,
};

/** What a foreign file may leave out, and what transformers does then. */
const defaults: Partial<ModelConfig> = {
  scoringFunc: 'sigmoid',
  numNextnPredictLayers: 0,
  ropeScaling: null,
  ropeInterleave: true,
  mtpConcatOrder: 'embedding-first',
  mtpHiddenState: 'post-norm',
  expertBiasForm: 'additive',
};

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const hubSource: ConfigSource = { where: 'config.json', keyName: snakeCase };

function snakeCaseKeys(record: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [snakeCase(key), isRecord(value) ? snakeCaseKeys(value) : value]),
  );
}

/**
 * The content of `config.json`, ready for `JSON.stringify`: all that transformers, vLLM and SGLang ask for.
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
    ...snakeCaseKeys(config),
    num_key_value_heads: config.numAttentionHeads,
    tinyseek_format: formatVersion,
  };
}

function refuse(key: string, value: unknown, expected: string): never {
  throw new UserError(`config.json: ${key} (${showValue(value)}) is not supported: expected ${expected}`);
}

/** Refuses what this model cannot be: another architecture, another activation, a file of a later version of ours. */
function checkFixedKeys(json: Readonly<Record<string, unknown>>): void {
  if (json.model_type === undefined) {
    throw new UserError('config.json: model_type is missing: expected "deepseek_v3"');
  }
  for (const [key, expected] of Object.entries(fixedKeys)) {
    const value = json[key] ?? expected;
    if (value !== expected) refuse(key, value, showValue(expected));
  }
  const { num_attention_heads: heads = null, num_key_value_heads: keyValueHeads = heads } = json;
  if (heads !== null && keyValueHeads !== heads) {
    refuse('num_key_value_heads', keyValueHeads, `num_attention_heads (${showValue(heads)})`);
  }
}

function checkFormat(json: Readonly<Record<string, unknown>>): void {
  const version = json.tinyseek_format ?? formatVersion;
  if (typeof version !== 'number') refuse('tinyseek_format', version, `a number up to ${formatVersion}`);
  if (version > formatVersion) {
    throw new UserError(
      `config.json: tinyseek_format (${version}) is newer than this version of tinyseek, which reads up to ` +
        `${formatVersion}; update tinyseek`,
    );
  }
}

/** The rotary settings, wherever this generation of transformers keeps them: its version 5 has one record for all. */
function rotaryRecord(json: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const key = (json.rope_scaling ?? null) === null ? 'rope_parameters' : 'rope_scaling';
  const record = json[key] ?? {};
  return isRecord(record) ? record : refuse(key, record, 'an object, or null');
}

/** YaRN settings from a rotary record, or null; `rope_type` is the newer name of `type`. */
function readRopeScaling(rotary: Readonly<Record<string, unknown>>): unknown {
  const type = rotary.rope_type ?? rotary.type ?? 'default';
  if (type === 'default') return null;
  if (type !== 'yarn') refuse('rope_scaling.type', type, '"yarn" or "default"');
  if ((rotary.attention_factor ?? null) !== null) {
    refuse('rope_scaling.attention_factor', rotary.attention_factor, 'no such key, with mscale and mscale_all_dim');
  }
  if (rotary.truncate === false) refuse('rope_scaling.truncate', false, 'true');
  return {
    type,
    factor: rotary.factor,
    originalMaxPositionEmbeddings: rotary.original_max_position_embeddings,
    betaFast: rotary.beta_fast ?? 32,
    betaSlow: rotary.beta_slow ?? 1,
    mscale: rotary.mscale,
    mscaleAllDim: rotary.mscale_all_dim,
  };
}

/**
 * The `ModelConfig` in a parsed `config.json`, ours or another's `deepseek_v3`.
 *
 * A missing key, a value out of range, another architecture and a file of a later version of ours are each a
 * `UserError` that names the key as the file spells it. Keys this model has no use for are ignored.
 */
export function fromHuggingFaceConfig(json: unknown): ModelConfig {
  if (!isRecord(json)) throw new UserError(`config.json: expected an object, found ${showValue(json)}`);
  checkFormat(json);
  checkFixedKeys(json);
  const rotary = rotaryRecord(json);
  const present = Object.keys(modelConfigSchema.shape).filter((key) => Object.hasOwn(json, snakeCase(key)));
  const config = {
    ...defaults,
    ...Object.fromEntries(present.map((key) => [key, json[snakeCase(key)]])),
    ropeTheta: rotary.rope_theta ?? json.rope_theta,
    ropeScaling: readRopeScaling(rotary),
  };
  return validateModelConfig(config, hubSource);
}
