import { describe, expect, it } from 'vitest';
import type { ModelConfig, YarnScaling } from '../../src/config/model-config.ts';
import { modelPreset } from '../../src/config/presets.ts';
import { checkLoader } from '../../src/interchange/loader-check.ts';
import { type LoaderName, loaderNames } from '../../src/interchange/loader-names.ts';

const released = modelPreset('deepseek-v3');
const releasedYarn = released.ropeScaling as YarnScaling;
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
    ['odd widths', { hiddenSize: 7166 }, { transformers: 'refused', vllm: '', sglang: '', torchtitan: 'refused' }],
    [
      'unequal temperatures',
      { ropeScaling: { ...releasedYarn, mscale: 0.8 } },
      { transformers: '', vllm: 'different', sglang: 'different', torchtitan: 'different' },
    ],
    [
      'no temperatures',
      { ropeScaling: { ...releasedYarn, mscale: 0, mscaleAllDim: 0 } },
      { transformers: '', vllm: 'different', sglang: 'different', torchtitan: 'different' },
    ],
    [
      'position interpolation',
      { ropeScaling: { type: 'linear', factor: 40, originalMaxPositionEmbeddings: 4096 } },
      { transformers: '', vllm: 'different', sglang: 'different', torchtitan: 'different' },
    ],
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

  // What torch 2.13 and transformers 5.18 do on the CPU with each width, tried in each format.
  it.each([
    [16, { F32: 0, BF16: 0, F16: 0 }],
    [12, { F32: 0, BF16: 1, F16: 1 }],
    [20, { F32: 0, BF16: 1, F16: 1 }],
    [18, { F32: 1, BF16: 1, F16: 1 }],
    [19, { F32: 1, BF16: 1, F16: 1 }],
  ])(
    'knows that experts of width %i are refused by the default implementation, and what takes them',
    (width, counts) => {
      for (const format of ['F32', 'BF16', 'F16'] as const) {
        const config = { ...released, numNextnPredictLayers: 0, moeIntermediateSize: width };
        const findings = checkLoader('transformers', config, format);
        expect([format, findings.length]).toEqual([format, counts[format]]);
        for (const { level, what, fix } of findings) {
          expect(level).toBe('refused');
          expect(what).toContain(
            `moeIntermediateSize ${width} (rows of ${width * (format === 'F32' ? 4 : 2)} bytes in`,
          );
          expect(fix).toContain('experts_implementation="eager"');
        }
      }
    },
  );

  it('tells the owner what to change, in settings that exist', () => {
    const findings = loaderNames.flatMap((loader) =>
      checkLoader(loader, { ...released, rmsNormEps: 1e-5, ropeInterleave: false, nSharedExperts: 0, kvLoraRank: 32 }),
    );
    for (const { fix } of findings) {
      for (const [, key = ''] of fix.matchAll(/\b([a-z]+[A-Z]\w*)=/g)) expect(Object.keys(released)).toContain(key);
    }
  });

  it('knows which sizes transformers cannot multiply out of FP8 on a CPU', () => {
    const check = (changes: Partial<ModelConfig>, block = 128) => {
      const config = { ...modelPreset('tiny'), numNextnPredictLayers: 0, ...changes };
      const found = checkLoader('transformers', config, { block, scales: 'F32' });
      return found.map(({ level, what, fix }) => `${level}: ${what} -> ${fix}`);
    };
    const uneven = (level: string, size: number, fix: string) => [
      `${level}: weights in FP8 with ${size} rows or columns: on a CPU their blocks are taken to be of equal size, and not ` +
        `of 128 -> export with ${fix}--dtype bf16`,
    ];
    expect(check({})).toEqual(uneven('different', 192, '--fp8-block 64, or ')); // 2 blocks of 96
    expect(check({}, 64)).toEqual([]);
    const even = { numAttentionHeads: 8, moeIntermediateSize: 128, intermediateSize: 384 };
    expect(check({ ...even, intermediateSize: 288 })).toEqual(uneven('different', 288, '--fp8-block 16, or '));
    expect(check({ ...even, intermediateSize: 259 })).toEqual(uneven('refused', 259, '')); // no whole rows in 3 blocks
  });
});
