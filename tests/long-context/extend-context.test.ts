import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { rotaryFrequencies } from '../../src/layers/rotary-embedding.ts';
import { contextLength, extendContext, extendModel, stageLengths } from '../../src/long-context/extend-context.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { idTensor, randomIds, smallConfig } from '../model/small-model.ts';

const trained = { ...smallConfig, maxPositionEmbeddings: 61 };

describe('extendContext', () => {
  it('extends by YaRN as the released model is extended, from the longest sequence', () => {
    const { maxPositionEmbeddings, ropeScaling } = extendContext(trained, { factor: 4 });
    expect(maxPositionEmbeddings).toBe(244);
    expect(ropeScaling).toEqual({
      ...{ type: 'yarn', factor: 4, originalMaxPositionEmbeddings: 61 },
      ...{ betaFast: 32, betaSlow: 1, mscale: 1, mscaleAllDim: 1 },
    });
  });

  it('extends from the length that was trained at where the model could read longer texts', () => {
    const { maxPositionEmbeddings, ropeScaling } = extendContext(trained, { factor: 2, trainedLength: 17 });
    expect([maxPositionEmbeddings, ropeScaling?.originalMaxPositionEmbeddings]).toEqual([34, 17]);
  });

  it('extends an extended model from its original length, by the product of the factors, with its own betas', () => {
    const once = extendContext(trained, { factor: 3 });
    const own = { ...once, ropeScaling: { ...once.ropeScaling!, betaFast: 4 } } as typeof once;
    const twice = extendContext(own, { factor: 5, trainedLength: 100 });
    expect(twice.ropeScaling).toEqual({ ...own.ropeScaling, factor: 15 });
    expect([contextLength(once), contextLength(twice)]).toEqual([183, 915]);
    expect(rotaryFrequencies({ ...twice, ropeScaling: { ...twice.ropeScaling!, betaFast: 32 } as never })).toEqual(
      rotaryFrequencies(extendContext(trained, { factor: 15 })),
    );
  });

  it('divides every frequency where positions are interpolated, also twice', () => {
    const plain = rotaryFrequencies(trained);
    const once = extendContext(trained, { factor: 4, type: 'linear' });
    expect(rotaryFrequencies(once)).toEqual(plain.map((frequency) => frequency / 4));
    expect(rotaryFrequencies(extendContext(once, { factor: 2, type: 'linear' }))).toEqual(
      plain.map((frequency) => frequency / 8),
    );
  });

  it.each([
    [{ factor: 1 }, /the factor is how many times longer the context becomes, above 1, found 1; try 4/],
    [{ factor: Number.NaN }, /found NaN/],
    [{ factor: 1.51 }, /1.51 times 61 tokens is no whole number of them; try the factor 1.508/],
  ])('refuses %j', (extension, message) => {
    expect(() => extendContext(trained, extension)).toThrow(message);
  });

  it('refuses to go on from another kind of extension', () => {
    const linear = extendContext(trained, { factor: 2, type: 'linear' });
    expect(() => extendContext(linear, { factor: 2 })).toThrow(
      /extended by position interpolation already, which YaRN cannot go on from; take type linear, or the model from/,
    );
  });
});

describe('stageLengths', () => {
  it.each([
    [
      [64, 4, 2],
      [128, 256],
    ],
    [[64, 4, 1], [256]],
    [[128, 1.5, 1], [192]],
    [
      [64, 32, 2],
      [384, 2048],
    ],
  ] as const)('%j: %j', (args, lengths) => {
    const [length, factor, stages] = args;
    expect(stageLengths(length, factor, stages)).toEqual(lengths);
  });

  it('refuses more stages than there are lengths', () => {
    expect(() => stageLengths(64, 2, 3)).toThrow(/3 stages do not fit between 64 and 128 tokens; take fewer stages/);
  });
});

describe('extendModel', () => {
  beforeAll(() => activateBackend('cpu'));

  it('has the same weights, computes another function, and does not share memory with the model', async () => {
    const model = new DeepseekV3ForCausalLM(trained, 3);
    const before = tf.memory().numTensors;
    const extended = await extendModel(model, { factor: 4 });
    const [plain, longer] = tf.tidy(() =>
      [model, extended].map((m) => m.logits(idTensor(randomIds(1, 7, 37, 1))).dataSync()),
    );
    expect(longer).not.toEqual(plain);
    expect(await extended.exportTensors()).toEqual(await model.exportTensors());
    extended.dispose();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});
