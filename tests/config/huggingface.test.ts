import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHuggingFaceConfig, toHuggingFaceConfig } from '../../src/config/huggingface.ts';
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

  it('fills in what a file from elsewhere may leave out as transformers does', () => {
    const left = ['scoring_func', 'rope_scaling', 'rope_interleave', 'num_nextn_predict_layers', 'num_key_value_heads'];
    const ours = ['mtp_concat_order', 'mtp_hidden_state', 'expert_bias_form', 'tinyseek_format'];
    const foreign = Object.fromEntries(Object.entries(json).filter(([key]) => ![...left, ...ours].includes(key)));
    expect(fromHuggingFaceConfig(foreign)).toEqual({ ...tiny, numNextnPredictLayers: 0 });
  });

  it.each<[object, string]>([
    [{ model_type: 'llama' }, 'config.json: model_type ("llama") is not supported: expected "deepseek_v3"'],
    [{ model_type: undefined }, 'config.json: model_type is missing: expected "deepseek_v3"'],
    [{ tie_word_embeddings: true }, 'config.json: tie_word_embeddings (true) is not supported: expected false'],
    [{ attention_bias: true }, 'config.json: attention_bias (true) is not supported: expected false'],
    [{ hidden_act: 'gelu' }, 'config.json: hidden_act ("gelu") is not supported: expected "silu"'],
    [{ moe_layer_freq: 2 }, 'config.json: moe_layer_freq (2) is not supported: expected 1'],
    [{ topk_method: 'greedy' }, 'config.json: topk_method ("greedy") is not supported: expected "noaux_tc"'],
    [
      { num_key_value_heads: 2 },
      'config.json: num_key_value_heads (2) is not supported: expected num_attention_heads (4)',
    ],
    [
      { rope_scaling: { rope_type: 'linear', factor: 2 } },
      'config.json: rope_scaling.type ("linear") is not supported: expected "yarn" or "default"',
    ],
    [{ rope_scaling: [1] }, 'config.json: rope_scaling ([...]) is not supported: expected an object, or null'],
    [
      { tinyseek_format: 2 },
      'config.json: tinyseek_format (2) is newer than this version of tinyseek, which reads up to 1; update tinyseek',
    ],
    [
      { rope_scaling: { ...released.rope_scaling, factor: 2, original_max_position_embeddings: 256, mscale: 0.5 } },
      'config.json: rope_scaling.mscale (0.5) must equal rope_scaling.mscale_all_dim (1); set both to 1',
    ],
    [{ tinyseek_format: 'x' }, 'config.json: tinyseek_format ("x") is not supported: expected a number up to 1'],
    [{ kv_lora_rank: undefined }, 'config.json: kv_lora_rank is missing: expected an integer of at least 1; try 32'],
    [{ rope_theta: undefined }, 'config.json: rope_theta is missing: expected a number greater than 1; try 10000'],
    [{ n_routed_experts: 10 }, 'config.json: n_routed_experts (10) must be divisible by n_group (4); try 8 or 12'],
  ])('rejects %j, naming the key as the file spells it', (change, message) => {
    expect(() => fromHuggingFaceConfig({ ...json, ...change })).toThrow(new UserError(message));
  });

  it.each([
    ['mscale', /^config.json: rope_scaling.mscale is missing/],
    ['original_max_position_embeddings', /^config.json: rope_scaling.original_max_position_embeddings is missing/],
  ])('rejects YaRN settings without %s', (key, message) => {
    const rope_scaling = { ...released.rope_scaling, [key]: undefined };
    expect(() => fromHuggingFaceConfig({ ...released, rope_scaling })).toThrow(message);
  });

  it.each([{ attention_factor: 1.3 }, { truncate: false }])('rejects YaRN settings with %j', (change) => {
    const rope_scaling = { ...released.rope_scaling, ...change };
    expect(() => fromHuggingFaceConfig({ ...released, rope_scaling })).toThrow(UserError);
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
