import { describe, expect, it } from 'vitest';
import { countParameters } from '../../src/config/counts.ts';
import { bufferShapes, parameterShapes } from '../../src/config/parameter-shapes.ts';
import { modelPreset, presetNames } from '../../src/config/presets.ts';

describe('countParameters (golden: published sizes)', () => {
  it.each([
    ['deepseek-v3', 671_026_419_200],
    ['deepseek-v2', 235_741_434_880],
    ['deepseek-v2-lite', 15_706_484_224],
  ])('%s has %i parameters', (name, total) => {
    expect(countParameters(modelPreset(name)).total).toBe(total);
  });

  // Published to two decimals of a billion (one for the MTP module, recounted to four).
  it.each([
    ['deepseek-v3', 37.55, 36.63],
    ['deepseek-v2', 21.38, 20.85],
    ['deepseek-v2-lite', 2.66, 2.45],
  ])('%s activates %f B, of which %f B are not the input embedding', (name, active, withoutEmbedding) => {
    const counts = countParameters(modelPreset(name));
    expect(counts.active / 1e9).toBeCloseTo(active, 2);
    expect(counts.activeWithoutEmbedding / 1e9).toBeCloseTo(withoutEmbedding, 2);
  });

  it('finds 11.6101 B parameters in the MTP module of DeepSeek-V3 and none in DeepSeek-V2', () => {
    expect(countParameters(modelPreset('deepseek-v3')).mtp / 1e9).toBeCloseTo(11.6101, 4);
    expect(countParameters(modelPreset('deepseek-v2')).mtp).toBe(0);
  });

  it('finds a cache of 576 numbers per token and layer where multi-head attention has 32768', () => {
    expect(countParameters(modelPreset('deepseek-v3'))).toMatchObject({
      kvCacheElementsPerTokenPerLayer: 576,
      mhaCacheElementsPerTokenPerLayer: 32768,
      mhaCacheWithRotaryElementsPerTokenPerLayer: 40960, // 128 heads of (128 + 64) + 128
    });
    expect(countParameters(modelPreset('mini'))).toMatchObject({
      kvCacheElementsPerTokenPerLayer: 48,
      mhaCacheElementsPerTokenPerLayer: 256,
    });
  });

  // What PyTorch prints for the benchmark's models, rounded there; it does not count the biases, which are buffers.
  it.each([
    ['peer-s', 0.2],
    ['peer-a', 1.79],
    ['peer-b', 18.5],
  ])('%s has %f M parameters', (name, millions) => {
    const config = modelPreset(name);
    const biases = bufferShapes(config).reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
    expect(Number(((countParameters(config).total - biases) / 1e6).toPrecision(3))).toBeCloseTo(millions, 2);
  });
});

describe('countParameters', () => {
  it.each(presetNames.filter((name) => !name.startsWith('deepseek')))('adds up the shapes and biases of %s', (name) => {
    const config = modelPreset(name);
    const size = ({ shape }: { shape: readonly number[] }) => shape.reduce((product, length) => product * length, 1);
    const all = [...parameterShapes(config), ...bufferShapes(config)].reduce((sum, tensor) => sum + size(tensor), 0);
    const { total, mtp } = countParameters(config);
    expect(total + mtp).toBe(all);
  });

  it('counts by hand what it counts for the smallest mixture', () => {
    const config = {
      ...modelPreset('tiny'),
      vocabSize: 11,
      hiddenSize: 2,
      moeIntermediateSize: 3,
      numHiddenLayers: 1,
      numAttentionHeads: 1,
      qLoraRank: null,
      kvLoraRank: 1,
      qkNopeHeadDim: 1,
      qkRopeHeadDim: 2,
      vHeadDim: 1,
      nRoutedExperts: 5,
      numExpertsPerTok: 2,
      nGroup: 1,
      topkGroup: 1,
      firstKDenseReplace: 0,
      numNextnPredictLayers: 0,
    };
    const attention = 3 * 2 + 3 * 2 + 2 * 1 + 2 * 1; // q, kv_a, kv_b, o
    const expert = 3 * 3 * 2;
    const norms = 2 + 1 + 2 + 2; // input, latent, post-attention, final
    const rest = 2 * 11 * 2 + attention + 5 * 2 + expert + norms + 5; // embedding and head, router, shared, norms, bias
    const counts = countParameters(config, 7);
    expect(counts.total).toBe(rest + 5 * expert);
    expect(counts.active).toBe(rest + 2 * expert);
    expect(counts.activeWithoutEmbedding).toBe(rest + 2 * expert - 22);
    // 6 * (matrices visited, with the head and without the embedding + heads * (nope + rope + v) * (7 + 1) / 2)
    expect(counts.flopsPerToken).toBe(6 * (22 + attention + 10 + 3 * expert + 1 * 4 * 4));
  });

  it('charges MTP for its block, its projection and another pass of the output head', () => {
    const tiny = modelPreset('tiny');
    const flops = (depth: number) => countParameters({ ...tiny, numNextnPredictLayers: depth }, 128).flopsPerToken;
    expect(flops(2) - flops(1)).toBe(flops(1) - flops(0));
    expect(flops(1) - flops(0)).toBeGreaterThan(6 * (2 * 128 * 128 + 1024 * 128));
  });

  it('takes the length before a YaRN extension when none is given', () => {
    const config = modelPreset('deepseek-v3');
    expect(countParameters(config)).toEqual(countParameters(config, 4096));
    expect(countParameters(modelPreset('tiny'))).toEqual(countParameters(modelPreset('tiny'), 512));
  });
});
