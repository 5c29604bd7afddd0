// Sizes that no memory holds are refused before any memory is taken.

import { describe, expect, it } from 'vitest';
import { errorMessage, exitCodeOf } from '../../src/cli/report-error.ts';
import { validateModelConfig, validateTrainConfig } from '../../src/config/validate.ts';
import { UserError } from '../../src/errors.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { nanoModel, nanoTrain } from '../train/nano.ts';

describe('a model that is too large', () => {
  it.each([
    [
      'a context',
      { maxPositionEmbeddings: 2 ** 24 + 1 },
      'maxPositionEmbeddings (16777217) is more than there is room',
    ],
    [
      'a width',
      { hiddenSize: 2 ** 30 },
      /config: a model of \S+ parameters \(\S+ in \S+\) is more than there is room for/,
    ],
    ['a vocabulary', { vocabSize: 2 ** 40 }, 'in model.embed_tokens.weight'],
    ['many layers', { numHiddenLayers: 1024, hiddenSize: 2 ** 14 }, 'take smaller sizes'],
  ])('by %s is a UserError, and nothing is left', (_, change, message) => {
    const before = tf.memory().numTensors;
    const build = () => new DeepseekV3ForCausalLM(validateModelConfig({ ...nanoModel, ...change }), 0);
    expect(build).toThrow(UserError);
    expect(build).toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([{ steps: 1e8 }, { batchSize: 1e9 }, { seqLen: 1e9 }, { batchSize: 2 ** 20, seqLen: 65 }])(
    'or a run of %j is refused when its settings are read',
    (change) => {
      expect(() => validateTrainConfig({ ...nanoTrain, ...change }, nanoModel)).toThrow(UserError);
    },
  );

  it('where memory is not to be had, that is no bug of ours', () => {
    let error: unknown = null;
    try {
      error = new Float64Array(2 ** 52);
    } catch (found) {
      error = found;
    }
    expect(exitCodeOf(error)).toBe(1);
    expect(errorMessage(error)).toMatch(
      /^tinyseek: there is not enough memory \(.*\); take a smaller model, batch or file$/,
    );
  });
});
