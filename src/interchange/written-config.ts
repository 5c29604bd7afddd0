// The `config.json` of a folder that is written from another: what the model is, by our own hand, and what the other
// file has besides.

import { inertKeys, ownKeys, toHuggingFaceConfig } from '../config/huggingface.ts';
import { isForeign } from '../config/huggingface-foreign.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { JsonObject } from '../io/json.ts';

/** Keys that say again what other keys say, or what no longer holds once the weights are written. */
const replaced = new Set(['rope_parameters', 'num_mtp_layers', 'head_dim', 'qk_head_dim', 'dtype', '_name_or_path']);

/** Keys that lose their meaning, and why. */
const dropped: Readonly<Record<string, string>> = {
  quantization_config: 'the weights are written as plain numbers',
  auto_map: 'it names Python files that are not copied',
};

export interface WrittenConfig {
  readonly json: JsonObject;
  /** Keys that are left out. */
  readonly notes: readonly string[];
}

/**
 * The keys of a config for other programs. The tokens that begin and end texts, and keys that change nothing here, stay
 * as they are. A folder from elsewhere gets no keys of ours: so it is still known as one after it was written.
 */
export function writtenConfig(source: JsonObject, config: ModelConfig, torchDtype: string): WrittenConfig {
  const written: JsonObject = toHuggingFaceConfig(config, torchDtype);
  if (isForeign(source)) for (const key of ownKeys) delete written[key];
  for (const key of ['bos_token_id', 'eos_token_id']) {
    if (Object.hasOwn(source, key)) written[key] = source[key];
    else delete written[key];
  }
  for (const [key, value] of Object.entries(source)) {
    const isOurs = Object.hasOwn(written, key) && !inertKeys.includes(key);
    if (!isOurs && !replaced.has(key) && !Object.hasOwn(dropped, key)) written[key] = value;
  }
  const notes = Object.entries(dropped)
    .filter(([key]) => (source[key] ?? null) !== null)
    .map(([key, why]) => `config.json: ${key} is left out: ${why}`);
  return { json: written, notes };
}
