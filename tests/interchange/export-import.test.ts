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
import { smallTensors, writeSmallModel } from './small-export.ts';

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

  it('keeps the tokenizer settings of the folder it came from', () => {
    writeSmallModel(path('model'));
    writeFileSync(path('model', 'tokenizer_config.json'), '{"chat_template": "x"}');
    importModel(path('model'), path('out'));
    expect(readFileSync(path('out', 'tokenizer_config.json'), 'utf8')).toBe('{"chat_template": "x"}');
  });
});
