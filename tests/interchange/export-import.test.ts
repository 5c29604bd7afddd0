import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { UserError } from '../../src/errors.ts';
import { exportModel } from '../../src/interchange/export-model.ts';
import { importModel } from '../../src/interchange/import-model.ts';
import { bfloat16ToFloat32, float32ToBfloat16 } from '../../src/io/half.ts';
import { openModelFiles } from '../../src/io/model-files.ts';
import { writeTensorFile } from '../../src/io/safetensors.ts';
import { readAllTensors } from '../../src/io/tensor-source.ts';
import { useTempFolder } from '../io/helpers.ts';
import { config as small, smallTensors, writeSmallModel } from './small-export.ts';

const path = useTempFolder();
const plain = { format: 'F32', maxShardBytes: 5e9, torchtitan: false, run: null } as const;

function tensorsOf(folder: string): Map<string, Float32Array> {
  const reader = openModelFiles(folder);
  try {
    return new Map(readAllTensors(reader).map(({ name, data }) => [name, data]));
  } finally {
    reader.close();
  }
}

const original = new Map(smallTensors.map(({ name, data }) => [name, data]));

const own = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

describe('exportModel and importModel', () => {
  it('property: float32 survives bit by bit, in one file or in many', () => {
    writeSmallModel(path('model'));
    exportModel(path('model'), { ...plain, out: path('one') });
    exportModel(path('one'), { ...plain, out: path('many'), maxShardBytes: 2000 });
    importModel(path('many'), path('back'));
    expect(readdirSync(path('many')).length).toBeGreaterThan(10);
    for (const folder of ['one', 'many', 'back']) expect(tensorsOf(path(folder))).toEqual(original);
    expect(readdirSync(path('back')).sort()).toEqual(
      [...own, 'README.md'].sort(), // the card that the export wrote
    );
  });

  it('writes bfloat16, but for the balancing biases, and says so in config.json', () => {
    writeSmallModel(path('model'));
    const { bytes } = exportModel(path('model'), { ...plain, out: path('out'), format: 'BF16' });
    const values = smallTensors.reduce((sum, { data }) => sum + data.length, 0);
    expect(bytes).toBe(2 * values + 2 * 2 * 3); // two MoE layers have 3 biases each, of 4 bytes instead of 2
    for (const [name, data] of tensorsOf(path('out'))) {
      const exact = original.get(name)!;
      const expected = name.endsWith('_bias') ? exact : bfloat16ToFloat32(float32ToBfloat16(exact));
      expect([name, data]).toEqual([name, expected]);
    }
    expect(JSON.parse(readFileSync(path('out', 'config.json'), 'utf8'))).toMatchObject({ torch_dtype: 'bfloat16' });
  });

  it.each(['F32', 'F8_E8M0'] as const)(
    'writes FP8 as DeepSeek released it, scales in %s, and reads it back',
    (scales) => {
      writeSmallModel(path('model'));
      exportModel(path('model'), { ...plain, out: path('out'), format: { block: 128, scales } });
      const reader = openModelFiles(path('out'));
      const dtypes = new Map(Array.from(reader.tensors.values(), ({ name, dtype }) => [name, dtype]));
      reader.close();
      for (const { name } of smallTensors) {
        const isProjection = /_proj(_with_mqa)?\.weight$/.test(name) && !name.includes('eh_proj');
        expect([name, dtypes.get(name)]).toEqual([
          name,
          isProjection ? 'F8_E4M3' : name.endsWith('_bias') ? 'F32' : 'BF16',
        ]);
        expect(dtypes.get(`${name}_scale_inv`)).toBe(isProjection ? scales : undefined);
      }
      expect(JSON.parse(readFileSync(path('out', 'config.json'), 'utf8'))).toMatchObject({
        torch_dtype: 'bfloat16',
        quantization_config: { quant_method: 'fp8', fmt: 'e4m3', weight_block_size: [128, 128] },
      });
      importModel(path('out'), path('back'));
      for (const [name, data] of tensorsOf(path('back'))) {
        const exact = original.get(name)!;
        const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        // Half a step of E4M3 is 1/16 of a value; what is far below the largest of its block keeps an absolute error.
        for (const [at, value] of exact.entries()) {
          expect(Math.abs(data[at]! - value)).toBeLessThanOrEqual(Math.abs(value) / 15 + largest / 448 / 512);
        }
      }
    },
  );

  it('refuses float16 for a value that it cannot hold, and leaves nothing behind', () => {
    writeSmallModel(path('model'));
    const tensors = smallTensors.map(({ name, shape, data }) => {
      const large = name === 'model.norm.weight' ? data.map(() => 70000) : data;
      return { name, shape, dtype: 'F32' as const, read: () => large };
    });
    writeTensorFile(path('large.safetensors'), tensors);
    writeFileSync(path('model', 'model.safetensors'), readFileSync(path('large.safetensors')));
    const attempt = () => exportModel(path('model'), { ...plain, out: path('out'), format: 'F16' });
    expect(attempt).toThrow(UserError);
    expect(attempt).toThrow('model.norm.weight has the value 70000, and f16 ends at 65504; use --dtype bf16');
    expect(readdirSync(path()).sort()).toEqual(['large.safetensors', 'model']);
  });

  it('writes a model card whose front matter is YAML, and a module for torchtitan', () => {
    writeSmallModel(path('model'));
    exportModel(path('model'), { ...plain, out: path('out'), torchtitan: true });
    const card = readFileSync(path('out', 'README.md'), 'utf8');
    const [, front = ''] = /^---\n(.*?)\n---\n/s.exec(card) ?? [];
    expect(parse(front)).toMatchObject({ library_name: 'transformers', pipeline_tag: 'text-generation' });
    expect(card).toContain('What it was trained on is not recorded.');
    const module = readFileSync(path('out', 'tinyseek_torchtitan.py'), 'utf8');
    expect(module).toContain('    moe_hidden_dim=2,\n');
    expect(module).toContain('NUM_MTP_LAYERS = 1\n');
    expect(module).toContain('q_lora_rank=0,');
  });

  it.each([
    ['F32', 5e9],
    ['BF16', 2000],
    ['F16', 5e9],
  ] as const)(
    'leaves the MTP module out on demand: weights as %s, config, card, and back again',
    (format, maxShardBytes) => {
      writeSmallModel(path('model'));
      exportModel(path('model'), { ...plain, out: path('with'), format, torchtitan: true });
      const options = { ...plain, out: path('without'), format, maxShardBytes, torchtitan: true, mtp: false };
      const { config, bytes } = exportModel(path('model'), options);
      const isMain = (name: string) => !name.startsWith(`model.layers.${small.numHiddenLayers}.`);
      const main = new Map(Array.from(tensorsOf(path('with'))).filter(([name]) => isMain(name)));
      expect(tensorsOf(path('without'))).toEqual(main);
      expect(main.size).toBeLessThan(original.size);
      expect(config.numNextnPredictLayers).toBe(0);
      expect(JSON.parse(readFileSync(path('without', 'config.json'), 'utf8'))).toMatchObject({
        num_hidden_layers: small.numHiddenLayers,
        num_nextn_predict_layers: 0,
      });
      const width = format === 'F32' ? 4 : 2;
      const [values, biases] = [true, false].map((isBias) =>
        Array.from(main)
          .filter(([name]) => name.endsWith('_bias') !== isBias)
          .reduce((sum, [, data]) => sum + data.length, 0),
      ) as [number, number];
      expect(bytes).toBe(width * values + 4 * biases);
      const [card, cardWith] = ['without', 'with'].map((name) => readFileSync(path(name, 'README.md'), 'utf8'));
      expect(card).toContain('is not in this folder (`tinyseek export --no-mtp`)');
      expect(card).not.toContain('multi-token-prediction');
      expect(cardWith).toContain('lists its tensors as unexpected');
      expect(readFileSync(path('without', 'tinyseek_torchtitan.py'), 'utf8')).toContain('NUM_MTP_LAYERS = 0\n');
      const back = importModel(path('without'), path('back'));
      expect([back.config.numNextnPredictLayers, back.warnings]).toEqual([0, ['left out: tinyseek_torchtitan.py']]);
      expect(tensorsOf(path('back'))).toEqual(main);
    },
  );

  it('has nothing to leave out of a model without an MTP module', () => {
    writeSmallModel(path('model'));
    exportModel(path('model'), { ...plain, out: path('once'), mtp: false });
    exportModel(path('once'), { ...plain, out: path('twice'), mtp: false });
    expect(tensorsOf(path('twice'))).toEqual(tensorsOf(path('once')));
    expect(readFileSync(path('twice', 'README.md'), 'utf8')).not.toContain('--no-mtp');
  });

  const describing = {
    'chat_template.jinja': '{{ messages[0].content }}',
    'generation_config.json': '{"eos_token_id": [257, 3], "temperature": 0.60, "do_sample": true}',
    'tokenizer_config.json': '{"eos_token": "<｜end▁of▁sentence｜>", "model_max_length": 1e30}',
    'special_tokens_map.json': '{}',
    'added_tokens.json': '{"a": 1}',
    LICENSE: 'as you like',
  };

  it('keeps what describes the model and its tokenizer, word for word, and says what it leaves out', () => {
    writeSmallModel(path('model'));
    for (const [name, text] of Object.entries(describing)) writeFileSync(path('model', name), text);
    writeFileSync(path('model', 'README.md'), 'mine');
    for (const name of ['modeling_x.py', 'pytorch_model.bin']) writeFileSync(path('model', name), '');
    mkdirSync(path('model', 'LICENSES'));
    const leftOut = 'left out: LICENSES, modeling_x.py, pytorch_model.bin';
    expect(importModel(path('model'), path('in')).warnings).toEqual([leftOut]);
    const { warnings } = exportModel(path('in'), { ...plain, out: path('out') });
    expect(warnings).toEqual(['README.md: a new model card takes its place']);
    for (const folder of ['in', 'out']) {
      expect(readdirSync(path(folder)).sort()).toEqual(
        [...new Set([...own, ...Object.keys(describing), 'README.md'])].sort(),
      );
      for (const [name, text] of Object.entries(describing)) {
        expect([name, readFileSync(path(folder, name), 'utf8')]).toEqual([name, text]);
      }
    }
    expect(readFileSync(path('in', 'README.md'), 'utf8')).toBe('mine');
  });

  it('keeps the keys of a config from elsewhere, says which lose their meaning, and adds none of ours', () => {
    writeSmallModel(path('model'));
    const { tinyseek_format, mtp_concat_order, mtp_hidden_state, expert_bias_form, eos_token_id, ...json } = JSON.parse(
      readFileSync(path('model', 'config.json'), 'utf8'),
    );
    const kept = { bos_token_id: null, pad_token_id: 3, aux_loss_alpha: 0.5, model_version: 'x', pretraining_tp: 2 };
    const lost = { auto_map: { a: 'b' }, quantization_config: { quant_method: 'fp8' }, head_dim: 2, dtype: 'bfloat16' };
    writeFileSync(path('model', 'config.json'), JSON.stringify({ ...json, ...kept, ...lost }));
    expect(importModel(path('model'), path('in')).warnings).toEqual([
      'config.json: quantization_config is left out: the weights are written as plain numbers',
      'config.json: auto_map is left out: it names Python files that are not copied',
    ]);
    exportModel(path('in'), { ...plain, out: path('out'), format: 'BF16' });
    const written = JSON.parse(readFileSync(path('out', 'config.json'), 'utf8'));
    expect(written).toEqual({ ...json, ...kept, torch_dtype: 'bfloat16' });
  });
});
