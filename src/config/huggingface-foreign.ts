// What a `config.json` from elsewhere may say that this model is not: refused where transformers would compute
// something else than is computed here, and noted where it ignores the key as we do.

import { UserError } from '../errors.ts';
import { showValue } from './issues.ts';
import type { ModelConfig } from './model-config.ts';

type Json = Readonly<Record<string, unknown>>;

/** Whether another program wrote the file. */
export function isForeign(json: Json): boolean {
  return json.tinyseek_format === undefined;
}

function refuse(key: string, value: unknown, expected: string): never {
  throw new UserError(`config.json: ${key} (${showValue(value)}) is not supported: expected ${expected}`);
}

/** @throws UserError for another architecture, another activation, and layers with parts that are not built here. */
export function checkForeign(json: Json): void {
  const { model_type: type, hidden_act: activation = 'silu', attention_bias: bias = false } = json;
  if (type === undefined) throw new UserError('config.json: model_type is missing: expected "deepseek_v3"');
  if (type !== 'deepseek_v3') refuse('model_type', type, '"deepseek_v3"');
  if (activation !== 'silu' && activation !== 'swish') refuse('hidden_act', activation, '"silu"');
  if (bias !== false && bias !== null) refuse('attention_bias', bias, 'false: attention has no biases here');
  const { num_attention_heads: heads, num_key_value_heads: keyValueHeads } = json;
  if (typeof heads === 'number' && typeof keyValueHeads === 'number' && keyValueHeads < heads) {
    refuse('num_key_value_heads', keyValueHeads, `num_attention_heads (${heads}): MLA has a key for every head`);
  }
}

/** Keys that DeepSeek's own code knows and transformers does not, with the one value that they have in effect. */
const ineffective: Readonly<Record<string, unknown>> = {
  scoring_func: 'sigmoid',
  topk_method: 'noaux_tc',
  moe_layer_freq: 1,
};

/** What a reader of the model should know about its file; `config` is what was read from it. */
export function foreignNotes(json: Json, { vocabSize }: ModelConfig): string[] {
  const ignored = Object.entries(ineffective).filter(([key, value]) => {
    return (json[key] ?? value) !== value && (key !== 'scoring_func' || isForeign(json));
  });
  const outside = (['bos_token_id', 'eos_token_id'] as const).flatMap((key) =>
    [json[key]].flat().flatMap((id) => (typeof id === 'number' && id >= vocabSize ? [`${key} (${id})`] : [])),
  );
  return [
    ...ignored.map(([key, value]) => {
      const found = showValue(json[key]);
      return `config.json: ${key} (${found}) is ignored, as by transformers: the model has ${showValue(value)}`;
    }),
    ...outside.map((id) => `config.json: ${id} is not in the vocabulary of ${vocabSize} tokens, so it never comes`),
  ];
}
