import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHuggingFaceConfig, toHuggingFaceConfig } from '../../src/config/huggingface.ts';
import { foreignNotes } from '../../src/config/huggingface-foreign.ts';
import { huggingFaceConfigText } from '../../src/config/huggingface-text.ts';
import { modelPreset, presetNames } from '../../src/config/presets.ts';
import { UserError } from '../../src/errors.ts';

const tiny = modelPreset('tiny');
const json = toHuggingFaceConfig(tiny);

/** `config.json` of DeepSeek-V3 as it was released. */
const released = {
  architectures: ['DeepseekV3ForCausalLM'],
  attention_bias: false,
  attention_dropout: 0.0,
  auto_map: { AutoConfig: 'configuration_deepseek.DeepseekV3Config' },
  aux_loss_alpha: 0.001,
  bos_token_id: 0,
  eos_token_id: 1,
  ep_size: 1,
  first_k_dense_replace: 3,
  hidden_act: 'silu',
  hidden_size: 7168,
  initializer_range: 0.02,
  intermediate_size: 18432,
  kv_lora_rank: 512,
  max_position_embeddings: 163840,
  model_type: 'deepseek_v3',
  moe_intermediate_size: 2048,
  moe_layer_freq: 1,
  n_group: 8,
  n_routed_experts: 256,
  n_shared_experts: 1,
  norm_topk_prob: true,
  num_attention_heads: 128,
  num_experts_per_tok: 8,
  num_hidden_layers: 61,
  num_key_value_heads: 128,
  num_nextn_predict_layers: 1,
  pretraining_tp: 1,
  q_lora_rank: 1536,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  quantization_config: {
    activation_scheme: 'dynamic',
    fmt: 'e4m3',
    quant_method: 'fp8',
    weight_block_size: [128, 128],
  },
  rms_norm_eps: 1e-6,
  rope_scaling: {
    beta_fast: 32,
    beta_slow: 1,
    factor: 40,
    mscale: 1.0,
    mscale_all_dim: 1.0,
    original_max_position_embeddings: 4096,
    type: 'yarn',
  },
  rope_theta: 10000,
  routed_scaling_factor: 2.5,
  scoring_func: 'sigmoid',
  seq_aux: true,
  tie_word_embeddings: false,
  topk_group: 4,
  topk_method: 'noaux_tc',
  torch_dtype: 'bfloat16',
  use_cache: true,
  v_head_dim: 128,
  vocab_size: 129280,
};

/** `DeepseekV3Config()` of transformers 5.18, apart from the depth of MTP, which there is 1. */
const theirDefaults = {
  ...modelPreset('deepseek-v3'),
  maxPositionEmbeddings: 4096,
  ropeScaling: null,
  initializerRange: 0.02,
  numNextnPredictLayers: 0,
  bosTokenId: null,
  eosTokenId: null,
};

describe('toHuggingFaceConfig', () => {
  it('writes every key of the released file except those about its code and its quantisation (golden)', () => {
    const wanted = Object.keys(released).filter((key) => key !== 'auto_map' && key !== 'quantization_config');
    const ours = toHuggingFaceConfig(modelPreset('deepseek-v3'));
    const { auto_map, quantization_config, aux_loss_alpha, torch_dtype, ...same } = released;
    expect(Object.keys(ours)).toEqual(expect.arrayContaining(wanted));
    expect(ours).toMatchObject(same);
    expect(ours).toMatchObject({ aux_loss_alpha: 1e-4, torch_dtype: 'float32' });
  });

  it('adds only what is ours', () => {
    const added = Object.keys(json).filter((key) => !Object.hasOwn(released, key));
    expect(added.sort()).toEqual([
      'expert_bias_form',
      'mtp_concat_order',
      'mtp_hidden_state',
      'rope_interleave',
      'tinyseek_format',
    ]);
  });

  it('leaves out head_dim, which loaders would take for the width of a whole head', () => {
    expect(json).not.toHaveProperty('head_dim');
  });
});

describe('huggingFaceConfigText', () => {
  const integral = {
    ...tiny,
    routedScalingFactor: 1,
    rmsNormEps: 1,
    initializerRange: 1,
    ropeTheta: 10_000,
    ropeScaling: { ...modelPreset('deepseek-v3').ropeScaling!, mscale: 0, mscaleAllDim: 0, attentionFactor: 1 },
  };
  const text = huggingFaceConfigText(toHuggingFaceConfig(integral));

  it('writes every float of the schema as a float, whatever its value, and integers as integers', () => {
    const numbers = Array.from(text.matchAll(/"(\w+)": (-?[\d.e+-]+)/g), ([, key, value]) => {
      return [key!, value!.includes('.')] as const;
    });
    const floats = numbers.filter(([, isFloat]) => isFloat).map(([key]) => key);
    expect(floats.filter((key) => key !== 'aux_loss_alpha').sort()).toEqual([
      'attention_dropout',
      'attention_factor',
      'beta_fast',
      'beta_slow',
      'factor',
      'initializer_range',
      'mscale',
      'mscale_all_dim',
      'rms_norm_eps',
      'rope_theta',
      'routed_scaling_factor',
    ]);
    const read = JSON.parse(text);
    expect(read).toEqual(toHuggingFaceConfig(integral));
    for (const [key, isFloat] of numbers)
      if (!isFloat) expect([key, Number.isInteger({ ...read.rope_scaling, ...read }[key])]).toEqual([key, true]);
  });

  it('leaves a text alone that looks like a key', () => {
    const note = 'a\n  "factor": 1,\n"rope_theta": 3';
    expect(JSON.parse(huggingFaceConfigText({ note }))).toEqual({ note });
  });
});

describe('foreignNotes', () => {
  it('names what is ignored as by transformers, and token ids that never come', () => {
    const { tinyseek_format, ...foreign } = json;
    const odd = { ...foreign, scoring_func: 'softmax', moe_layer_freq: 2, eos_token_id: [3, 5000] };
    expect(foreignNotes(odd, fromHuggingFaceConfig(odd))).toEqual([
      'config.json: scoring_func ("softmax") is ignored, as by transformers: the model has "sigmoid"',
      'config.json: moe_layer_freq (2) is ignored, as by transformers: the model has 1',
      'config.json: eos_token_id (5000) is not in the vocabulary of 1024 tokens, so it never comes',
    ]);
    expect(foreignNotes({ ...json, scoring_func: 'softmax' }, tiny)).toEqual([]);
  });
});

describe('fromHuggingFaceConfig', () => {
  it('reads the released file as preset deepseek-v3 (golden)', () => {
    expect(fromHuggingFaceConfig(released)).toEqual(modelPreset('deepseek-v3'));
  });

  it.each(presetNames)('reads back what was written for %s, through JSON', (name) => {
    const config = modelPreset(name);
    expect(fromHuggingFaceConfig(JSON.parse(JSON.stringify(toHuggingFaceConfig(config))))).toEqual(config);
  });

  it('reads back the choices that are ours alone', () => {
    const config = {
      ...tiny,
      qLoraRank: null,
      ropeInterleave: false,
      mtpConcatOrder: 'hidden-first',
      mtpHiddenState: 'pre-norm',
      expertBiasForm: 'multiplicative',
    } as const;
    expect(fromHuggingFaceConfig(toHuggingFaceConfig(config))).toEqual(config);
  });

  it('reads rope_parameters and rope_type of transformers 5', () => {
    const { rope_scaling, rope_theta, ...rest } = released;
    const { type, ...yarn } = rope_scaling;
    const rope_parameters = { ...yarn, rope_type: type, rope_theta };
    expect(fromHuggingFaceConfig({ ...rest, rope_parameters })).toEqual(modelPreset('deepseek-v3'));

    const { rope_scaling: none, rope_theta: theta, ...plain } = json;
    expect(none).toBeNull();
    expect(fromHuggingFaceConfig({ ...plain, rope_parameters: { rope_type: 'default', rope_theta: theta } })).toEqual(
      tiny,
    );
  });

  it('fills in what a file from elsewhere may leave out as transformers does (golden)', () => {
    expect(fromHuggingFaceConfig({ model_type: 'deepseek_v3' })).toEqual(theirDefaults);
    const left = ['scoring_func', 'rope_scaling', 'rope_interleave', 'num_nextn_predict_layers', 'num_key_value_heads'];
    const ours = ['mtp_concat_order', 'mtp_hidden_state', 'expert_bias_form', 'tinyseek_format'];
    const foreign = Object.fromEntries(Object.entries(json).filter(([key]) => ![...left, ...ours].includes(key)));
    expect(fromHuggingFaceConfig(foreign)).toEqual({ ...tiny, numNextnPredictLayers: 0 });
  });

  it.each<[object, object]>([
    [{ num_nextn_predict_layers: undefined, num_mtp_layers: 2 }, { numNextnPredictLayers: 2 }],
    [{ num_nextn_predict_layers: 1, num_mtp_layers: 2 }, { numNextnPredictLayers: 1 }],
    [{ eos_token_id: [5, 3] }, { eosTokenId: 5 }],
    [{ eos_token_id: [] }, { eosTokenId: null }],
    [
      { eos_token_id: -1, bos_token_id: null },
      { bosTokenId: null, eosTokenId: null },
    ],
    [{ eos_token_id: 151645 }, { eosTokenId: 151645 }],
    [{ first_k_dense_replace: 7 }, { firstKDenseReplace: 7 }],
    [{ hidden_act: 'swish' }, {}],
    [{ num_key_value_heads: null }, {}],
    [{ num_key_value_heads: 128 }, {}],
    [{ moe_layer_freq: 2, topk_method: 'greedy' }, {}],
    [{ tinyseek_format: undefined, scoring_func: 'softmax' }, { scoringFunc: 'sigmoid' }],
    [{ scoring_func: 'softmax' }, { scoringFunc: 'softmax' }],
    [{ rope_theta: undefined }, { ropeTheta: 10_000 }],
    [{ rope_theta: 500, rope_parameters: { rope_theta: 700 } }, { ropeTheta: 700 }],
    [{ rope_theta: 500, rope_scaling: {}, rope_parameters: { rope_theta: 700 } }, { ropeTheta: 700 }],
  ])('reads %j as transformers 5.18 does', (change, expected) => {
    expect(fromHuggingFaceConfig({ ...json, ...change })).toMatchObject(expected);
  });

  const short = { rope_type: 'yarn', factor: 4 };
  const plainYarn = { type: 'yarn', factor: 4, betaFast: 32, betaSlow: 1, mscale: 0, mscaleAllDim: 0 };
  it.each<[object, object]>([
    [short, { ...plainYarn, originalMaxPositionEmbeddings: 512 }],
    [
      { ...short, original_max_position_embeddings: 100, beta_fast: 0, mscale: 0.8, mscale_all_dim: null },
      { ...plainYarn, originalMaxPositionEmbeddings: 100, mscale: 0.8 },
    ],
    [
      { ...short, original_max_position_embeddings: 64, beta_fast: 1, beta_slow: 8, mscale: 1, mscale_all_dim: 0.8 },
      { ...plainYarn, originalMaxPositionEmbeddings: 64, betaFast: 1, betaSlow: 8, mscale: 1, mscaleAllDim: 0.8 },
    ],
    [
      { ...short, attention_factor: 1.25, truncate: false },
      { ...plainYarn, originalMaxPositionEmbeddings: 512, attentionFactor: 1.25, truncate: false },
    ],
  ])('reads the YaRN settings %j as transformers 5.18 does', (rope_parameters, expected) => {
    expect(fromHuggingFaceConfig({ ...json, rope_parameters }).ropeScaling).toEqual(expected);
    const written = JSON.parse(
      huggingFaceConfigText(toHuggingFaceConfig(fromHuggingFaceConfig({ ...json, rope_parameters }))),
    );
    expect(fromHuggingFaceConfig(written).ropeScaling).toEqual(expected);
  });

  const remedy = '; check that it is the config.json of these weights';
  it.each<[object, string]>([
    [{ model_type: 'llama' }, 'config.json: model_type ("llama") is not supported: expected "deepseek_v3"'],
    [{ model_type: undefined }, 'config.json: model_type is missing: expected "deepseek_v3"'],
    [
      { attention_bias: true },
      'config.json: attention_bias (true) is not supported: expected false: attention has no biases here',
    ],
    [{ hidden_act: 'gelu' }, 'config.json: hidden_act ("gelu") is not supported: expected "silu"'],
    [
      { num_key_value_heads: 2 },
      'config.json: num_key_value_heads (2) is not supported: expected num_attention_heads (4): ' +
        'MLA has a key for every head',
    ],
    [
      { rope_scaling: { rope_type: 'dynamic', factor: 2 } },
      'config.json: rope_scaling.rope_type ("dynamic") is not supported: expected "yarn", "linear" or "default"',
    ],
    [
      { rope_scaling: { type: 'linear', factor: 2, mscale_all_dim: 1 } },
      'config.json: rope_scaling.mscale_all_dim (1) is not supported: expected 0 or none with "linear"',
    ],
    [
      { rope_parameters: { type: 'yarn', partial_rotary_factor: 0.5 } },
      'config.json: rope_parameters.partial_rotary_factor (0.5) is not supported: ' +
        'expected 1: all of qk_rope_head_dim rotates',
    ],
    [{ rope_scaling: [1] }, 'config.json: rope_scaling ([...]) is not supported: expected an object, or null'],
    [
      { rope_scaling: { type: 'yarn' } },
      `config.json: rope_scaling.factor is missing: expected a number of at least 1${remedy}`,
    ],
    [
      { tinyseek_format: 2 },
      'config.json: tinyseek_format (2) is newer than this version of tinyseek, which reads up to 1; update tinyseek',
    ],
    [{ tinyseek_format: 'x' }, 'config.json: tinyseek_format ("x") is not supported: expected a number up to 1'],
    [{ kv_lora_rank: 0 }, `config.json: kv_lora_rank (0) must be an integer of at least 1${remedy}`],
    [{ n_routed_experts: 10 }, `config.json: n_routed_experts (10) must be divisible by n_group (4)${remedy}`],
    [
      { num_experts_per_tok: 9 },
      `config.json: num_experts_per_tok (9) must be at most 8, the experts in topk_group (2) of 4 groups${remedy}`,
    ],
  ])('rejects %j, naming the key as the file spells it, and offers no other model', (change, message) => {
    expect(() => fromHuggingFaceConfig({ ...json, ...change })).toThrow(new UserError(message));
  });

  it('throws nothing but UserError, whatever JSON it is given (property)', () => {
    const keys = fc.constantFrom(...Object.keys(json), '__proto__', 'rope_parameters');
    const damaged = fc.dictionary(keys, fc.oneof(fc.jsonValue(), fc.integer())).map((some) => ({ ...json, ...some }));
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), damaged), (value) => {
        try {
          fromHuggingFaceConfig(value);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });
});
