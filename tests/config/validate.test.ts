import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { modelPreset, trainPreset } from '../../src/config/presets.ts';
import { validateModelConfig, validateTrainConfig } from '../../src/config/validate.ts';
import { UserError } from '../../src/errors.ts';

const tiny = modelPreset('tiny');
const train = trainPreset('tiny');
const yarn = {
  type: 'yarn',
  factor: 2,
  originalMaxPositionEmbeddings: 256,
  betaFast: 32,
  betaSlow: 1,
  mscale: 1,
  mscaleAllDim: 1,
} as const;

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return error instanceof Error ? error.message : '';
  }
  throw new Error('expected an error');
}

const modelMessage = (changes: object) => messageOf(() => validateModelConfig({ ...tiny, ...changes }));
const trainMessage = (changes: object, model: Partial<ModelConfig> = {}) =>
  messageOf(() => validateTrainConfig({ ...train, ...changes }, { ...tiny, ...model }));

describe('validateModelConfig', () => {
  // Each row: what is wrong, the message, and the changes that the message offers, which must then pass.
  it.each<[object, string, object[]]>([
    [
      { nRoutedExperts: 10 },
      'config: nRoutedExperts (10) must be divisible by nGroup (4); try 8 or 12',
      [{ nRoutedExperts: 8 }, { nRoutedExperts: 12 }],
    ],
    [
      { nRoutedExperts: 7 },
      'config: nRoutedExperts (7) must be divisible by nGroup (4); try 8',
      [{ nRoutedExperts: 8 }],
    ],
    [
      { nRoutedExperts: 3 },
      'config: nRoutedExperts (3) must be divisible by nGroup (4); try 8',
      [{ nRoutedExperts: 8 }],
    ],
    [
      { nRoutedExperts: 4, numExpertsPerTok: 2 },
      'config: nRoutedExperts (4) must be at least twice nGroup (4), since a group is scored by its two best experts; ' +
        'try 8, or set nGroup and topkGroup to 1',
      [
        { nRoutedExperts: 8, numExpertsPerTok: 2 },
        { nRoutedExperts: 4, numExpertsPerTok: 2, nGroup: 1, topkGroup: 1 },
      ],
    ],
    [{ topkGroup: 5 }, 'config: topkGroup (5) must be at most nGroup (4); try 4', [{ topkGroup: 4 }]],
    [
      { numExpertsPerTok: 9 },
      'config: numExpertsPerTok (9) must be at most 8, the experts in topkGroup (2) of 4 groups; ' +
        'set numExpertsPerTok to 8 or less',
      [{ numExpertsPerTok: 8 }],
    ],
    [
      { qkRopeHeadDim: 13 },
      'config: qkRopeHeadDim (13) must be even, since channels rotate in pairs; try 12 or 14',
      [{ qkRopeHeadDim: 12 }, { qkRopeHeadDim: 14 }],
    ],
    [
      { firstKDenseReplace: 5 },
      'config: firstKDenseReplace (5) must be at most numHiddenLayers (4); try 4 or less',
      [{ firstKDenseReplace: 4 }, { firstKDenseReplace: 0 }],
    ],
    [
      { eosTokenId: 1024 },
      'config: eosTokenId (1024) must be below vocabSize (1024); try 1023 or less',
      [{ eosTokenId: 1023 }],
    ],
    [
      { bosTokenId: 2000 },
      'config: bosTokenId (2000) must be below vocabSize (1024); try 1023 or less',
      [{ bosTokenId: 1023 }],
    ],
    [
      { ropeScaling: { ...yarn, factor: 4 } },
      'config: maxPositionEmbeddings (512) must be ropeScaling.factor (4) times originalMaxPositionEmbeddings (256); ' +
        'set maxPositionEmbeddings to 1024, or ropeScaling.factor to 2',
      [{ ropeScaling: { ...yarn, factor: 4 }, maxPositionEmbeddings: 1024 }, { ropeScaling: yarn }],
    ],
    [
      { ropeScaling: { ...yarn, betaFast: 1 } },
      'config: ropeScaling.betaFast (1) must be greater than ropeScaling.betaSlow (1); try 32 and 1',
      [{ ropeScaling: { ...yarn, betaFast: 32, betaSlow: 1 } }],
    ],
  ])('rejects %j with a fix that works', (wrong, message, fixes) => {
    expect(modelMessage(wrong)).toBe(message);
    for (const fix of fixes) expect(validateModelConfig({ ...tiny, ...fix })).toEqual({ ...tiny, ...fix });
  });

  it.each<[object, string]>([
    [{ kvLoraRank: -3 }, 'config: kvLoraRank (-3) must be an integer of at least 1; try 32'],
    [{ kvLoraRank: 1.5 }, 'config: kvLoraRank (1.5) must be an integer of at least 1; try 32'],
    [{ kvLoraRank: '48' }, 'config: kvLoraRank ("48") must be an integer of at least 1; try 32'],
    [{ kvLoraRank: null }, 'config: kvLoraRank (null) must be an integer of at least 1; try 32'],
    [{ kvLoraRank: Number.NaN }, 'config: kvLoraRank (NaN) must be an integer of at least 1; try 32'],
    [{ kvLoraRank: undefined }, 'config: kvLoraRank is missing: expected an integer of at least 1; try 32'],
    [{ qLoraRank: 0 }, 'config: qLoraRank (0) must be an integer of at least 1; try 64'],
    [
      { numHiddenLayers: 1e9 },
      'config: numHiddenLayers (1000000000) must be an integer of at least 1 and at most 1024; try 4',
    ],
    [
      { rmsNormEps: Number.POSITIVE_INFINITY },
      'config: rmsNormEps (Infinity) must be a number greater than 0; try 0.000001',
    ],
    [{ normTopkProb: 'yes' }, 'config: normTopkProb ("yes") must be true or false; try true'],
    [{ scoringFunc: 'tanh' }, 'config: scoringFunc ("tanh") must be one of sigmoid, softmax; try "sigmoid"'],
    [{ ropeScaling: 4 }, 'config: ropeScaling (4) must be an object, or null'],
    [{ ropeScaling: { ...yarn, type: 'ntk' } }, 'config: ropeScaling.type ("ntk") must be yarn or linear; try "yarn"'],
    [
      { ropeScaling: { type: 'linear', factor: 2, originalMaxPositionEmbeddings: 256, betaFast: 32 } },
      'config: ropeScaling has an unknown key "betaFast"; leave it out',
    ],
    [
      { ropeScaling: { ...yarn, betaMid: 3 } },
      'config: ropeScaling has an unknown key "betaMid"; did you mean betaFast?',
    ],
    [{ kvLoraRnk: 3 }, 'config: unknown key "kvLoraRnk"; did you mean kvLoraRank?'],
    [{ hiddenSize: ['a'] }, 'config: hiddenSize ([...]) must be an integer of at least 1; try 128'],
  ])('rejects %j by type or range, naming key and value', (wrong, message) => {
    expect(modelMessage(wrong)).toBe(message);
  });

  it('reports all problems at once, one a line', () => {
    expect(modelMessage({ nRoutedExperts: 10, qkRopeHeadDim: 3, firstKDenseReplace: 7 }).split('\n')).toHaveLength(3);
    expect(modelMessage({ hiddenSize: 0, vHeadDim: 'x' }).split('\n')).toHaveLength(2);
  });

  it('takes the shapes at the edge of what is possible', () => {
    const edges = [
      { firstKDenseReplace: 0 },
      { qLoraRank: null },
      { nSharedExperts: 0 },
      { nRoutedExperts: 2, nGroup: 1, topkGroup: 1, numExpertsPerTok: 1 },
      { ropeScaling: yarn },
      { ropeScaling: { ...yarn, mscale: 0.8, attentionFactor: 1.1, truncate: false } },
      { bosTokenId: null, eosTokenId: null },
    ];
    for (const edge of edges) expect(() => validateModelConfig({ ...tiny, ...edge })).not.toThrow();
  });

  it('throws nothing but UserError, whatever it is given (property)', () => {
    const keys = fc.constantFrom(...Object.keys(tiny));
    const changes = fc.dictionary(keys, fc.oneof(fc.anything(), fc.integer({ min: -2, max: 40 })));
    fc.assert(
      fc.property(
        fc.oneof(
          changes.map((some) => ({ ...tiny, ...some })),
          fc.anything(),
        ),
        (config) => {
          try {
            validateModelConfig(config);
          } catch (error) {
            expect(error).toBeInstanceOf(UserError);
          }
        },
      ),
    );
  });
});

describe('validateTrainConfig', () => {
  it.each<[object, Partial<ModelConfig>, string, [object, Partial<ModelConfig>][]]>([
    [
      { alternateSeqLen: 48 },
      {},
      'config: alternateSeqLen (48) must be a part of seqLen (128) that divides it, or 0; try 0',
      [
        [{ alternateSeqLen: 0 }, {}],
        [{ alternateSeqLen: 64 }, {}],
      ],
    ],
    [
      { alternateSeqLen: 128 },
      {},
      'config: alternateSeqLen (128) must be a part of seqLen (128) that divides it, or 0; try 0',
      [[{ alternateSeqLen: 1 }, {}]],
    ],
    [
      { batchSize: 7, gradAccumSteps: 3 },
      {},
      'config: batchSize (7) must be divisible by gradAccumSteps (3); try 6 or 9',
      [
        [{ batchSize: 6, gradAccumSteps: 3 }, {}],
        [{ batchSize: 9, gradAccumSteps: 3 }, {}],
      ],
    ],
    [
      { batchSize: 2, gradAccumSteps: 3 },
      {},
      'config: batchSize (2) must be divisible by gradAccumSteps (3); try 3',
      [[{ batchSize: 3, gradAccumSteps: 3 }, {}]],
    ],
    [
      { seqLen: 1024 },
      {},
      'config: seqLen (1024) must be at most maxPositionEmbeddings (512); ' +
        'set seqLen to 512, or maxPositionEmbeddings to 1024',
      [
        [{ seqLen: 512 }, {}],
        [{ seqLen: 1024 }, { maxPositionEmbeddings: 1024 }],
      ],
    ],
    [
      { seqLen: 3 },
      { numNextnPredictLayers: 5 },
      'config: numNextnPredictLayers (5) must be smaller than seqLen (3), or nothing is left to predict; ' +
        'set numNextnPredictLayers to 2 or less, or seqLen to 6 or more',
      [
        [{ seqLen: 3 }, { numNextnPredictLayers: 2 }],
        [{ seqLen: 6 }, { numNextnPredictLayers: 5 }],
      ],
    ],
    [
      { warmupFraction: 0.7 },
      {},
      'config: warmupFraction (0.7) must be at most 0.67, where lrSchedule ("deepseek-v3") begins to decay; try 0.02',
      [
        [{ warmupFraction: 0.02 }, {}],
        [{ warmupFraction: 0.7, lrSchedule: 'cosine' }, {}],
      ],
    ],
  ])('rejects %j with a fix that works', (wrong, model, message, fixes) => {
    expect(trainMessage(wrong, model)).toBe(message);
    for (const [fix, shape] of fixes) {
      expect(() => validateTrainConfig({ ...train, ...fix }, { ...tiny, ...shape })).not.toThrow();
    }
  });

  it.each<[object, string]>([
    [{ fimRate: 1.5 }, 'config: fimRate (1.5) must be a fraction from 0 to 1; try 0'],
    [{ warmupFraction: -0.1 }, 'config: warmupFraction (-0.1) must be a fraction from 0 to 1; try 0.02'],
    [{ heldOutFraction: 1 }, 'config: heldOutFraction (1) must be a fraction between 0 and 1, both excluded; try 0.05'],
    [{ emaDecay: 1 }, 'config: emaDecay (1) must be a number from 0 up to but not including 1; try 0'],
    [{ learningRate: 0 }, 'config: learningRate (0) must be a number greater than 0; try 0.003'],
    [{ steps: 0 }, 'config: steps (0) must be an integer of at least 1 and at most 10000000; try 300'],
    [{ seed: -1 }, 'config: seed (-1) must be an integer of at least 0 and at most 4294967295; try 0'],
    [
      { balancing: 'auto' },
      'config: balancing ("auto") must be one of bias, batch-aux, sequence-aux, none; try "bias"',
    ],
    [{ data: '' }, 'config: data ("") must be a text that is not empty; try "moby-dick"'],
  ])('rejects %j by type or range', (wrong, message) => {
    expect(trainMessage(wrong)).toBe(message);
  });
});
