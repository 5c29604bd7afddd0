import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
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

describe('exportModel and importModel', () => {
  it('property: float32 survives bit by bit, in one file or in many', () => {
    writeSmallModel(path('model'));
    exportModel(path('model'), { ...plain, out: path('one') });
    exportModel(path('one'), { ...plain, out: path('many'), maxShardBytes: 2000 });
    importModel(path('many'), path('back'));
    expect(readdirSync(path('many')).length).toBeGreaterThan(10);
    for (const folder of ['one', 'many', 'back']) expect(tensorsOf(path(folder))).toEqual(original);
    expect(readdirSync(path('back')).sort()).toEqual(
      ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'].sort(),
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
      expect([back.config.numNextnPredictLayers, back.warnings]).toEqual([0, []]);
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

  it('keeps the tokenizer settings of the folder it came from', () => {
    writeSmallModel(path('model'));
    writeFileSync(path('model', 'tokenizer_config.json'), '{"chat_template": "x"}');
    importModel(path('model'), path('out'));
    expect(readFileSync(path('out', 'tokenizer_config.json'), 'utf8')).toBe('{"chat_template": "x"}');
  });
});
