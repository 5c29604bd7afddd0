import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { modelPreset, presetNames, requireTrainable, trainPreset, withVocabulary } from '../../src/config/presets.ts';
import { resolveRunConfig } from '../../src/config/resolve.ts';
import { validateModelConfig, validateTrainConfig } from '../../src/config/validate.ts';
import { UserError } from '../../src/errors.ts';

const trainable = presetNames.filter((name) => !name.startsWith('deepseek'));

describe('presets', () => {
  it.each(presetNames)('%s passes its own validation', (name) => {
    const model = modelPreset(name);
    expect(validateModelConfig(model)).toEqual(model);
    expect(validateTrainConfig(trainPreset(name), model)).toEqual(trainPreset(name));
  });

  it.each(trainable)('%s lets the expert bias travel far enough to reorder affinities', (name) => {
    const { expertBiasUpdateSpeed, steps, expertBiasFreezeFraction } = trainPreset(name);
    const travel = expertBiasUpdateSpeed * steps * (1 - expertBiasFreezeFraction);
    expect(travel).toBeGreaterThan(0.4);
    expect(travel).toBeLessThan(2);
  });

  it.each(trainable.filter((name) => !name.startsWith('peer')))(
    '%s keeps the width rule of the initialisation',
    (name) => {
      const { initializerRange, hiddenSize } = modelPreset(name);
      // The presets round to three decimals.
      expect(initializerRange).toBeCloseTo(0.006 * Math.sqrt(7168 / hiddenSize), 3);
    },
  );

  it.each(trainable)('%s expects the vocabulary that its tokenizer has', (name) => {
    expect(trainPreset(name).tokenizer).toBe(`bpe:${modelPreset(name).vocabSize}`);
  });

  it.each([
    ['peer-s', 4, 64, 2],
    ['peer-a', 8, 128, 4],
    ['peer-b', 8, 128, 8],
  ] as const)('%s has the batch, length and heads of the benchmark and no MTP', (name, batchSize, seqLen, heads) => {
    expect(trainPreset(name)).toMatchObject({ batchSize, seqLen });
    expect(modelPreset(name)).toMatchObject({
      numAttentionHeads: heads,
      numNextnPredictLayers: 0,
      vocabSize: 512,
      nGroup: 4,
      topkGroup: 2,
      initializerRange: 0.02,
      ropeInterleave: true,
    });
  });

  it('refuse to train what exists for counting only, and name what can be trained', () => {
    for (const name of trainable) expect(() => requireTrainable(name)).not.toThrow();
    expect(() => requireTrainable('deepseek-v3')).toThrow(UserError);
    expect(() => requireTrainable('deepseek-v2-lite')).toThrow(/counting only.*tiny, mini, small/);
  });

  it('offer the nearest name for an unknown one', () => {
    expect(() => modelPreset('tinny')).toThrow(
      new UserError(
        'config: there is no preset "tinny"; did you mean tiny? Presets: tiny, mini, small, peer-s, peer-a, peer-b, ' +
          'deepseek-v3, deepseek-v2, deepseek-v2-lite',
      ),
    );
    expect(() => trainPreset('deepseek-v4')).toThrow(/did you mean deepseek-v[23]\?/);
    expect(() => modelPreset('toString')).toThrow(UserError);
  });

  it('take the vocabulary of a tokenizer and nothing else', () => {
    const tiny = modelPreset('tiny');
    const changed = withVocabulary(tiny, { vocabSize: 263, bosTokenId: 257, eosTokenId: 258 });
    expect(changed).toEqual({ ...tiny, vocabSize: 263, bosTokenId: 257, eosTokenId: 258 });
  });
});

describe('training defaults (guards against bug B18: defaults that differ between back ends)', () => {
  it.each(presetNames)('of %s follow from the preset alone, whatever the model is changed to', (name) => {
    const plain = resolveRunConfig({ preset: name }).train;
    const changed = resolveRunConfig({ preset: name, set: ['hiddenSize=96', 'rmsNormEps=1e-5', 'vHeadDim=7'] }).train;
    expect(plain).toEqual(trainPreset(name));
    expect(changed).toEqual(plain);
  });

  it('cannot follow from the machine: no file of src/config reads anything outside its arguments', () => {
    const folder = new URL('../../src/config/', import.meta.url);
    for (const file of readdirSync(folder)) {
      const code = readFileSync(new URL(file, folder), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
      expect(code, file).not.toMatch(/\bprocess\b|\bnavigator\b|\bglobalThis\b|\bMath\.random\b|\bDate\b|node:/);
    }
  });

  it('are the report’s where the report has them', () => {
    expect(trainPreset('tiny')).toMatchObject({
      adamBeta1: 0.9,
      adamBeta2: 0.95,
      weightDecay: 0.1,
      maxGradNorm: 1,
      lrSchedule: 'deepseek-v3',
      balancing: 'bias',
      expertBiasUpdateRule: 'sign',
      expertBiasRecenter: false,
      balanceLossFactor: 1e-4,
      mtpLossWeight: 0.3,
      mtpLossWeightFinal: 0.1,
      documentMask: false,
    });
    // Of 14.8T tokens: lambda changes after 10T, gamma is 0 for the last 0.5T. Exact up to the last digits written.
    expect(trainPreset('tiny').mtpLossSwitchFraction).toBeCloseTo(0.6757, 4);
    expect(trainPreset('tiny').expertBiasFreezeFraction).toBeCloseTo(0.0338, 4);
  });
});
