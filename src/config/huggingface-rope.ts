// The rotary settings of a `config.json`: `rope_scaling` and `rope_theta`, or transformers 5's `rope_parameters`, in
// which both are one record. What is read, and which of several goes first, is what transformers 5.18 does.

import { UserError } from '../errors.ts';
import { isRecord, showValue } from './issues.ts';

type Json = Readonly<Record<string, unknown>>;

function refuse(key: string, value: unknown, expected: string): never {
  throw new UserError(`config.json: ${key} (${showValue(value)}) is not supported: expected ${expected}`);
}

/** Where the settings are, and how errors call the record. */
function rotaryRecord(json: Json): readonly [name: string, record: Json] {
  const name = isEmpty(json.rope_scaling) ? 'rope_parameters' : 'rope_scaling';
  const record = json[name] ?? {};
  return [name, isRecord(record) ? record : refuse(name, record, 'an object, or null')];
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (isRecord(value) && Object.keys(value).length === 0);

/** The base of the frequencies, or undefined where the file leaves it to the default. */
export function readRopeTheta(json: Json): unknown {
  const [, record] = rotaryRecord(json);
  return record.rope_theta ?? json.rope_theta ?? undefined;
}

/**
 * Settings of YaRN or of position interpolation in the form of `ModelConfig`, their values unchecked, or null;
 * `rope_type` is the newer name of `type`.
 *
 * @throws UserError for another way to extend the context.
 */
export function readRopeScaling(json: Json): unknown {
  const [name, record] = rotaryRecord(json);
  const partial = record.partial_rotary_factor ?? json.partial_rotary_factor ?? 1;
  if (partial !== 1) refuse(`${name}.partial_rotary_factor`, partial, '1: all of qk_rope_head_dim rotates');
  const type = record.rope_type ?? record.type ?? 'default';
  if (type === 'default') return null;
  if (type === 'linear') return readLinear(name, record, json);
  if (type !== 'yarn')
    refuse(`${name}.${'rope_type' in record ? 'rope_type' : 'type'}`, type, '"yarn", "linear" or "default"');
  const original = json.original_max_position_embeddings ?? record.original_max_position_embeddings;
  const { attention_factor: attentionFactor = null, truncate = null } = record;
  return {
    type,
    factor: record.factor,
    originalMaxPositionEmbeddings: original ?? json.max_position_embeddings ?? 4096,
    betaFast: record.beta_fast || 32,
    betaSlow: record.beta_slow || 1,
    mscale: record.mscale ?? 0,
    mscaleAllDim: record.mscale_all_dim ?? 0,
    ...(attentionFactor === null ? {} : { attentionFactor }),
    ...(truncate === null ? {} : { truncate }),
  };
}

/**
 * Position interpolation. The file does not say at which length the model was trained; it follows from the longest one.
 * transformers would apply `mscale_all_dim` here as well, which no interpolation has.
 */
function readLinear(name: string, { factor, mscale_all_dim: mscale }: Json, json: Json): unknown {
  if (mscale) refuse(`${name}.mscale_all_dim`, mscale, '0 or none with "linear"');
  const longest = json.max_position_embeddings ?? 4096;
  const isKnown = typeof factor === 'number' && typeof longest === 'number';
  return { type: 'linear', factor, originalMaxPositionEmbeddings: isKnown ? Math.round(longest / factor) : 1 };
}
