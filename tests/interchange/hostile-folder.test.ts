// Hostile model folders: each ends in one UserError, or in the model that the folder rightly describes; nothing is
// written.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { importModel } from '../../src/interchange/import-model.ts';
import { fuzzRuns } from '../fuzz-runs.ts';
import { useTempFolder } from '../io/helpers.ts';
import { writeSmallModel } from './small-export.ts';

const path = useTempFolder();

function editJson(name: string, edit: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(path('model', name), 'utf8'));
  edit(json);
  writeFileSync(path('model', name), JSON.stringify(json));
}

/** Imports; true if it worked. Anything but success and a UserError of one message fails the test. */
function survives(): boolean {
  try {
    importModel(path('model'), path('out'));
    rmSync(path('out'), { recursive: true });
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect(existsSync(path('out'))).toBe(false);
    return false;
  }
}

function message(): string {
  try {
    importModel(path('model'), path('out'));
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  return 'imported';
}

describe('a config that is not the weights’', () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      'another architecture',
      { model_type: 'llama' },
      'config.json: model_type ("llama") is not supported: expected "deepseek_v3"',
    ],
    ['no architecture', { model_type: undefined }, 'model_type is missing'],
    ['another width', { moe_intermediate_size: 3 }, 'mlp.experts.0.gate_proj.weight (expected [3, 5], found [2, 5])'],
    ['more layers', { num_hidden_layers: 3 }, 'unexpected: model.layers.2.eh_proj.weight'],
    ['many experts', { n_routed_experts: 2 ** 40 }, 'describes at least 4398046511145 tensors, and there are 61'],
    ['fewer experts', { n_routed_experts: 2 }, 'mlp.gate.weight (expected [2, 5], found [3, 5])'],
    ['a smaller vocabulary', { vocab_size: 259 }, 'tokenizer of 261 tokens and a model of 259'],
    ['text for a number', { hidden_size: '5' }, 'hidden_size ("5") must be'],
    ['another quantization', { quantization_config: { quant_method: 'awq' } }, 'quant_method ("awq") is not supported'],
    ['sizes beyond all memory', { hidden_size: 1e15 }, 'of another shape'],
    ['very many layers', { num_hidden_layers: 1024 }, 'describes at least 18427 tensors, and there are 61'],
  ])('%s', (_, changes, expected) => {
    writeSmallModel(path('model'));
    editJson('config.json', (json) => Object.assign(json, changes));
    expect(message()).toContain(expected);
    expect(readdirSync(path())).toEqual(['model']);
  });
});

describe('a tokenizer', () => {
  it('without some byte', () => {
    writeSmallModel(path('model'));
    editJson('tokenizer.json', (json) => {
      const { vocab } = json.model as { vocab: Record<string, number> };
      delete vocab.A;
    });
    expect(message()).toMatch(/^tokenizer: .*\(it has no token for byte 65\)/);
  });

  it('that is missing, or no JSON', () => {
    writeSmallModel(path('model'));
    writeFileSync(path('model', 'tokenizer.json'), '{"model":');
    expect(message()).toContain('expected JSON');
    rmSync(path('model', 'tokenizer.json'));
    expect(message()).toContain('has no tokenizer.json; copy the one');
  });
});

describe('paths out of the folder', () => {
  it.each(['../secret.safetensors', '/etc/passwd', 'sub/x.safetensors', 'C:\\x'])('an index that names %j', (file) => {
    writeSmallModel(path('model'), 2000);
    editJson('model.safetensors.index.json', (json) => {
      (json.weight_map as Record<string, string>)['model.norm.weight'] = file;
    });
    expect(message()).toContain('tensor model.norm.weight: expected a file name in the folder');
  });

  it('a shard that is a link to another model', () => {
    writeSmallModel(path('model'), 2000);
    const [shard = ''] = readdirSync(path('model')).filter((name) => name.endsWith('.safetensors'));
    mkdirSync(path('other'));
    cpSync(path('model', shard), path('other', shard));
    rmSync(path('model', shard));
    symlinkSync(path('other', shard), path('model', shard));
    expect(message()).toContain('is a link out of its folder');
  });

  it('a tokenizer_config.json that is a link to a secret', () => {
    writeSmallModel(path('model'));
    writeFileSync(path('secret'), 'secret');
    symlinkSync('../secret', path('model', 'tokenizer_config.json'));
    expect(message()).toContain('is a link out of its folder');
    expect(existsSync(path('out'))).toBe(false);
  });
});

describe('fuzzed', () => {
  const files = ['config.json', 'tokenizer.json', 'model.safetensors.index.json', 'model-00001-of-00004.safetensors'];

  it.each(files)('property: any change of bytes in %s', (name) => {
    writeSmallModel(path('model'), 10_000);
    expect(survives()).toBe(true);
    const valid = readFileSync(path('model', name));
    // Most of a safetensors file is values, where any change is a valid one: aim at what describes them.
    const reach = Math.min(valid.length, name.endsWith('.safetensors') ? 2500 : valid.length);
    const change = fc.record({
      at: fc.nat({ max: reach - 1 }),
      bytes: fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 5 }), fc.constantFrom(...tokens)),
      cut: fc.nat({ max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const mutated = changes.reduce(
          (bytes, { at, bytes: inserted, cut }) =>
            Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + cut)]),
          valid,
        );
        writeFileSync(path('model', name), mutated);
        survives();
      }),
      { numRuns: fuzzRuns(150) },
    );
  });

  it.each(files)('property: %s cut anywhere', (name) => {
    writeSmallModel(path('model'), 10_000);
    const valid = readFileSync(path('model', name));
    fc.assert(
      fc.property(fc.nat({ max: valid.length - 3 }), (length) => {
        writeFileSync(path('model', name), valid.subarray(0, length));
        expect(survives()).toBe(false);
      }),
      { numRuns: fuzzRuns(50) },
    );
  });
});

/** Pieces that mean something in JSON and in headers. */
const tokens = [
  'null',
  '-1',
  '1e999',
  '9007199254740993',
  '"F64"',
  '[]',
  '{}',
  '"../x"',
  '\u0000',
  '__proto__',
  '[[[[',
].map((text) => Buffer.from(text));
