// The ledger against what the heap of the engine hands out, and against the sizes of the model.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { bufferShapes, parameterShapes } from '../../src/config/parameter-shapes.ts';
import { modelPreset, trainPreset } from '../../src/config/presets.ts';
import type { TrainConfig } from '../../src/config/train-config.ts';
import { runningEngine } from '../../src/engine/engine.ts';
import { sizeClass } from '../../src/engine/heap.ts';
import { memoryLedger } from '../../src/memory/ledger.ts';
import { measureStep } from '../../src/memory/step-memory.ts';
import { memoryKinds } from '../../src/memory/kinds.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { createRandom } from '../../src/tensor/random.ts';
import { Repeated } from '../../src/tensor/repeated.ts';
import { tf } from '../../src/tensor/tf.ts';
import { createLearner, type Learner, partsFor } from '../../src/train/learner.ts';
import { nanoModel, nanoTrain } from '../train/nano.ts';

beforeAll(async () => {
  await activateBackend('engine', { threads: 2 });
});

/** Never records. */
class Eager extends Repeated {
  override run(...[, inputs, , body]: Parameters<Repeated['run']>): tf.Tensor[] {
    return body([...inputs]);
  }
}

/** A step on random tokens, with random weights. */
function measured(model: ModelConfig, train: TrainConfig, replaced: Partial<Learner> = {}) {
  const random = createRandom(1);
  const { batchSize, seqLen } = train;
  const size = batchSize * (seqLen + 1);
  const batch = {
    batchSize,
    seqLen,
    ids: Int32Array.from({ length: size }, () => Math.floor(random() * model.vocabSize)),
    documentIds: Int32Array.from({ length: size }, (_, i) => Math.floor((i % (seqLen + 1)) / 5)),
    domains: new Int32Array(batchSize),
  };
  const make = {
    model: () => new DeepseekV3ForCausalLM(model, 1, partsFor(train)),
    learner: (own: DeepseekV3ForCausalLM) => ({ ...createLearner({ model, train }, {}, own), ...replaced }),
  };
  return measureStep(make, batch, train);
}

type Changes = Partial<ModelConfig & TrainConfig>;

function settings(changes: Changes, model: ModelConfig = nanoModel, train: TrainConfig = nanoTrain) {
  const all = { ...model, ...train, ...changes };
  const pick = <T extends object>(keys: T) =>
    Object.fromEntries(Object.keys(keys).map((key) => [key, Reflect.get(all, key)]));
  return { model: pick(model) as unknown as ModelConfig, train: pick(train) as unknown as TrainConfig };
}

const cases: readonly (readonly [string, Changes])[] = [
  ['nano', {}],
  ['without MTP', { numNextnPredictLayers: 0 }],
  ['two MTP modules, of which a row is too short for one', { numNextnPredictLayers: 2, seqLen: 2 }],
  ['plain queries', { qLoraRank: null }],
  ['no shared experts', { nSharedExperts: 0 }],
  ['dense layers only', { firstKDenseReplace: 2, numNextnPredictLayers: 0 }],
  ['softmax affinities without groups', { scoringFunc: 'softmax', nGroup: 1, topkGroup: 1 }],
  ['every expert for every token', { numExpertsPerTok: nanoModel.nRoutedExperts, topkGroup: nanoModel.nGroup }],
  ['a document mask', { documentMask: true }],
  ['an average of the weights', { emaDecay: 0.9 }],
  ['a batch in parts', { gradAccumSteps: 2 }],
  ['a batch-wise balance loss', { balancing: 'batch-aux' }],
  ['one token', { batchSize: 1, seqLen: 1, numNextnPredictLayers: 0 }],
  ['more vocabulary than a tile of logits', { vocabSize: 70_001, batchSize: 2, seqLen: 19 }],
];

describe('memoryLedger', () => {
  it.each(cases)('property: says to the byte what a step takes: %s', async (_, changes) => {
    const { model, train } = settings(changes);
    expect(await memoryLedger({ model, train, threads: 2 })).toEqual(measured(model, train));
  });

  it.each(['float32', 'fp8'] as const)('is within 1 %% for 8 bits and activations in %s', async (cachedActivations) => {
    const { model, train } = settings({ precision: 'fp8', cachedActivations });
    const [ledger, found] = [await memoryLedger({ model, train, threads: 2 }), measured(model, train)];
    for (const kind of memoryKinds) {
      expect(Math.abs(ledger.kinds[kind] - found.kinds[kind])).toBeLessThanOrEqual(0.01 * found.kinds[kind]);
    }
    expect(Math.abs(ledger.total / found.total - 1)).toBeLessThan(0.01);
  });

  it.each(['peer-s', 'peer-a', 'tiny'] as const)('does so for preset %s', async (name) => {
    const [model, train] = [modelPreset(name), trainPreset(name)];
    expect(await memoryLedger({ model, train, threads: 2 })).toEqual(measured(model, train));
  });

  it.each(['peer-a', 'peer-b'] as const)('says that activations in FP8 take at most 55 %% at %s', async (name) => {
    const [model, train] = [modelPreset(name), trainPreset(name)];
    const of = async (changes: Partial<TrainConfig>) =>
      (await memoryLedger({ model, train: { ...train, ...changes } })).kinds;
    const [float32, fp8] = [await of({}), await of({ precision: 'fp8' })];
    expect(fp8.activations).toBeLessThan(0.55 * float32.activations);
    const kept = await of({ precision: 'fp8', cachedActivations: 'float32' });
    expect(fp8.activations).toBeLessThan(0.6 * kept.activations);
  });

  it('is within 5 % of a step that is not recorded, but for what a recording keeps', async () => {
    const [model, train] = [modelPreset('peer-s'), trainPreset('peer-s')];
    const eager = measured(model, train, { passes: new Eager() });
    const ledger = await memoryLedger({ model, train, threads: 2 });
    expect(eager.kinds.recording).toBe(0);
    const { recording, ...kinds } = ledger.kinds;
    // The difference is a report that the recording keeps: hundreds of bytes.
    for (const kind of memoryKinds) {
      if (kind === 'recording' || kinds[kind] === 0) continue;
      expect(Math.abs(eager.kinds[kind] / kinds[kind] - 1)).toBeLessThan(0.05);
    }
    expect(Math.abs(eager.total / (ledger.total - recording) - 1)).toBeLessThan(0.05);
  });

  it('counts what the heap has in use, no more and no less', () => {
    const [model, train] = [modelPreset('peer-s'), trainPreset('peer-s')];
    const { heap } = runningEngine()!;
    const before = heap.use.used;
    const passes = new Repeated();
    let most = 0;
    const watched = new Proxy(passes, {
      get: (target, key) =>
        key === 'run'
          ? (...args: Parameters<Repeated['run']>) => {
              const result = target.run(...args);
              most = Math.max(most, heap.use.used - before);
              return result;
            }
          : Reflect.get(target, key).bind(target),
    });
    const { total } = measured(model, train, { passes: watched });
    // At the end of a recorded pass the heap has all that the pass ever had, and nothing of the optimizer yet.
    expect(most).toBeLessThanOrEqual(total);
    expect(most).toBeGreaterThan(0.95 * total);
    expect(heap.use.used).toBe(before);
  });

  it('has each tensor of the model once: an MTP module brings no second embedding or head, nor gradients of them', async () => {
    const { model, train } = settings({});
    const bytes = (shapes: readonly { readonly shape: readonly number[] }[]) =>
      shapes.reduce((sum, { shape }) => sum + sizeClass(4 * shape.reduce((a, b) => a * b, 1)), 0);
    const { kinds } = await memoryLedger({ model, train });
    const { qkRopeHeadDim: R, maxPositionEmbeddings: L } = model;
    const rotary = bytes([{ shape: [L, R] }, { shape: [L, R] }, { shape: [R, R] }]);
    expect(model.numNextnPredictLayers).toBeGreaterThan(0);
    expect(kinds.weights).toBe(bytes(parameterShapes(model)) + bytes(bufferShapes(model)) + rotary);
    expect(kinds.gradients).toBe(bytes(parameterShapes(model)));
    expect(kinds.moments).toBe(2 * bytes(parameterShapes(model)));
    expect(kinds.average).toBe(0);
    const wider = await memoryLedger({ model: { ...model, vocabSize: 2 * model.vocabSize }, train });
    const table = sizeClass(8 * model.vocabSize * model.hiddenSize) - sizeClass(4 * model.vocabSize * model.hiddenSize);
    // Twice: embedding and head. With a copy of both for the module it would be four times.
    expect(wider.kinds.weights - kinds.weights).toBe(2 * table);
    expect(wider.kinds.gradients - kinds.gradients).toBe(2 * table);
  });

  it('needs no memory: it reckons with the released model', async () => {
    const train = { ...trainPreset('deepseek-v3'), batchSize: 1, emaDecay: 0.999 };
    // Tables of rotations for all positions would take most of the time.
    const model = { ...modelPreset('deepseek-v3'), maxPositionEmbeddings: 4096 };
    const { kinds } = await memoryLedger({ model, train });
    const numbers = parameterShapes(model).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    // Blocks are rounded up by at most a quarter. It is computed without a backend, which is what `params` does.
    for (const [kind, each] of [
      ['weights', 1],
      ['gradients', 1],
      ['moments', 2],
      ['average', 1],
    ] as const) {
      expect(kinds[kind]).toBeGreaterThanOrEqual(4 * each * numbers);
      expect(kinds[kind]).toBeLessThan(5 * each * numbers);
    }
    expect(kinds.activations).toBeGreaterThan(100e9);
  });

  it('leaves backend, tensors and heap as they were', async () => {
    const before = { backend: tf.getBackend(), ...tf.memory() };
    const { model, train } = settings({ emaDecay: 0.9 });
    await memoryLedger({ model, train });
    expect({ backend: tf.getBackend(), ...tf.memory() }).toEqual(before);
  });
});
