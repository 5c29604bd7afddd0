// The text of a `config.json`. transformers 5 refuses an integer where its schema says float ("expected float, got
// int"), and JavaScript writes 1.0 as 1: the keys whose type is float get their `.0` here.

/** Float keys of `DeepseekV3Config` and of its rotary settings; no other key of the file has one of these names. */
const floatKeys = [
  'attention_dropout',
  'attention_factor',
  'aux_loss_alpha',
  'beta_fast',
  'beta_slow',
  'factor',
  'initializer_range',
  'mscale',
  'mscale_all_dim',
  'rms_norm_eps',
  'rope_theta',
  'routed_scaling_factor',
];

const integralFloat = new RegExp(`^( *"(?:${floatKeys.join('|')})": -?\\d+)(?=,?$)`, 'gm');

/** A `config.json` as a text in which floats are floats. Strings cannot be taken for keys: they have no line breaks. */
export function huggingFaceConfigText(json: object): string {
  return `${JSON.stringify(json, null, 2).replace(integralFloat, '$1.0')}\n`;
}
