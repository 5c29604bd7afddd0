import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { modelPreset } from '../../src/config/presets.ts';
import { checkLoader } from '../../src/interchange/loader-check.ts';
import { type LoaderName, loaderNames } from '../../src/interchange/loader-names.ts';

const released = modelPreset('deepseek-v3');
const levels = (loader: LoaderName, changes: Partial<ModelConfig>, base = released) =>
  checkLoader(loader, { ...base, ...changes }).map(({ level, what }) => `${level}: ${what}`);

describe('checkLoader', () => {
  it('has nothing against the released model without its MTP module', () => {
    for (const loader of loaderNames)
      expect([loader, levels(loader, { numNextnPredictLayers: 0 })]).toEqual([loader, []]);
  });

  it('refuses no preset that can be trained', () => {
    for (const name of ['tiny', 'mini'] as const) {
      for (const loader of loaderNames) {
        const bad = checkLoader(loader, modelPreset(name)).filter(({ level }) => level !== 'note');
        expect([name, loader, bad]).toEqual([name, loader, []]);
      }
    }
  });

  it.each<[string, Partial<ModelConfig>, Readonly<Record<LoaderName, string>>]>([
    [
      'a bias that multiplies',
      { expertBiasForm: 'multiplicative' },
      { transformers: 'different', vllm: 'different', sglang: 'different', torchtitan: 'different' },
    ],
    [
      'softmax affinities',
      { scoringFunc: 'softmax' },
      { transformers: 'different', vllm: '', sglang: 'different', torchtitan: '' },
    ],
    [
      'rotary halves',
      { ropeInterleave: false },
      { transformers: '', vllm: 'different', sglang: 'different', torchtitan: 'different' },
    ],
    [
      'another epsilon',
      { rmsNormEps: 1e-5 },
      { transformers: '', vllm: 'different', sglang: 'different', torchtitan: '' },
    ],
    [
      'no shared expert',
      { nSharedExperts: 0 },
      { transformers: 'note', vllm: 'refused', sglang: 'refused', torchtitan: 'refused' },
    ],
    ['odd widths', { hiddenSize: 7164 }, { transformers: 'note', vllm: '', sglang: '', torchtitan: 'refused' }],
    ['a small latent', { kvLoraRank: 32 }, { transformers: '', vllm: 'note', sglang: 'note', torchtitan: '' }],
    [
      'wide values',
      { kvLoraRank: 32, vHeadDim: 200 },
      { transformers: '', vllm: 'refused', sglang: 'note', torchtitan: '' },
    ],
    [
      'tiny heads',
      { kvLoraRank: 32, qkNopeHeadDim: 8, qkRopeHeadDim: 4, vHeadDim: 8 },
      { transformers: '', vllm: 'refused', sglang: 'note', torchtitan: 'refused' },
    ],
  ])('knows what each does with %s', (_, changes, expected) => {
    for (const loader of loaderNames) {
      const [worst = ''] = levels(loader, { numNextnPredictLayers: 0, ...changes });
      expect([loader, worst.replace(/:.*/, '')]).toEqual([loader, expected[loader]]);
    }
  });

  it.each<[string, Partial<ModelConfig>, LoaderName, string]>([
    ['two MTP depths', { numNextnPredictLayers: 2 }, 'sglang', 'note'],
    ["the report's order", { mtpConcatOrder: 'hidden-first' }, 'vllm', 'different'],
    ['a state before the norm', { mtpHiddenState: 'pre-norm' }, 'vllm', 'different'],
    ['a state before the norm', { mtpHiddenState: 'pre-norm' }, 'torchtitan', 'note'],
    ['dense layers only', { firstKDenseReplace: 61 }, 'torchtitan', 'refused'],
  ])('looks at the MTP module: %s', (_, changes, loader, level) => {
    expect(levels(loader, changes)[0]?.replace(/:.*/, '')).toBe(level);
  });

  it('tells the owner what to change, in settings that exist', () => {
    const findings = loaderNames.flatMap((loader) =>
      checkLoader(loader, { ...released, rmsNormEps: 1e-5, ropeInterleave: false, nSharedExperts: 0, kvLoraRank: 32 }),
    );
    for (const { fix } of findings) {
      for (const [, key = ''] of fix.matchAll(/\b([a-z]+[A-Z]\w*)=/g)) expect(Object.keys(released)).toContain(key);
    }
  });
});
