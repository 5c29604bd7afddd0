import { beforeAll, describe, expect, it, vi } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { Repeated } from '../../src/tensor/repeated.ts';
import { tf } from '../../src/tensor/tf.ts';
import { computeLoss, type LossInput } from '../../src/train/loss.ts';
import { byStagesWeights, forwardByStages, type InFlight } from './by-stages.ts';
import { idTensor, randomIds, smallConfig, spreadBiases } from './small-model.ts';

const configs: [name: string, config: ModelConfig][] = [
  ['a dense and an MoE block, two MTP depths', smallConfig],
  [
    'hidden states before the norms, three MTP depths',
    { ...smallConfig, numNextnPredictLayers: 3, mtpHiddenState: 'pre-norm' },
  ],
  [
    'MoE blocks only, one MTP depth',
    { ...smallConfig, numHiddenLayers: 3, firstKDenseReplace: 0, numNextnPredictLayers: 1 },
  ],
];
const [B, T] = [2, 11];

function makeModel(config: ModelConfig): DeepseekV3ForCausalLM {
  const model = new DeepseekV3ForCausalLM(config, 5);
  spreadBiases(model, 6);
  return model;
}

/** Rows of two documents. */
function makeInput(seed: number): LossInput {
  return {
    ids: idTensor(randomIds(B, T + 1, smallConfig.vocabSize, seed)),
    documentIds: idTensor(
      Array.from({ length: B }, (_, b) => Array.from({ length: T + 1 }, (_, i) => Number(i > 4 + b))),
    ),
  };
}

const bits = (tensors: readonly tf.Tensor[]) => tensors.map((tensor) => tensor.dataSync<'float32'>());

/** The total loss and the gradients of all parameters of a whole model. */
function whole(model: DeepseekV3ForCausalLM, input: LossInput): Float32Array[] {
  const { value, grads } = valueAndGrads(
    () => computeLoss(model, input, byStagesWeights).total,
    [...model.parameters.values()],
  );
  return bits([value, ...grads]);
}

describe.each(['cpu', 'engine'] as const)('stages of a model on %s', (backend) => {
  beforeAll(() => activateBackend(backend));

  it.each(configs)('contract: have every parameter once, by its name, in the order of the model: %s', (_, config) => {
    const model = makeModel(config);
    const { embedding, blocks, head, mtp } = model.stages;
    const all = [embedding, ...blocks, head, ...mtp].flatMap(({ parameters }) => [...parameters]);
    expect(all).toEqual([...model.parameters]);
    expect(blocks).toHaveLength(config.numHiddenLayers);
    expect(mtp.map(({ depth }) => depth)).toEqual(
      Array.from({ length: config.numNextnPredictLayers }, (_, k) => k + 1),
    );
    for (const [k, { block, parameters }] of mtp.entries()) {
      const names = [...block.parameters.keys()];
      expect(names.every((name) => parameters.has(name))).toBe(true);
      const own = [...parameters.keys()].filter((name) => !names.includes(name));
      const layer = `model.layers.${config.numHiddenLayers + k}`;
      expect(own).toEqual(['enorm', 'hnorm', 'eh_proj', 'shared_head.norm'].map((name) => `${layer}.${name}.weight`));
    }
    model.dispose();
  });

  it.each(configs)('property: composed, they give the bits of the model, loss and gradients: %s', (_, config) => {
    const model = makeModel(config);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const input = makeInput(1);
      const expected = whole(model, input);
      for (const isJoint of [true, false]) {
        const pass = forwardByStages(model, input);
        pass.backwardInputs(isJoint);
        const found = bits([pass.total, ...pass.backwardWeights()]);
        const names = ['total', ...model.parameters.keys()];
        for (const [i, name] of names.entries()) expect([name, found[i]]).toEqual([name, expected[i]]);
      }
    });
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it('property: micro-batches in flight, weights later, give the bits of each alone', () => {
    const model = makeModel(smallConfig);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const inputs = [1, 2, 3, 4].map(makeInput);
      expect(bits(interleaved(model, inputs))).toEqual(inputs.flatMap((input) => whole(model, input)));
    });
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});

/** 1F1B with weights later: loss and gradients of each micro-batch, in their order. */
function interleaved(model: DeepseekV3ForCausalLM, inputs: readonly LossInput[]): tf.Tensor[] {
  const passes: InFlight[] = [];
  const found = new Map<number, tf.Tensor[]>();
  const F = (m: number) => void passes.push(forwardByStages(model, inputs[m]!));
  const backwardInputs = (m: number) => passes[m]!.backwardInputs();
  const W = (m: number) => void found.set(m, [passes[m]!.total, ...passes[m]!.backwardWeights()]);
  F(0);
  F(1);
  backwardInputs(0);
  F(2);
  backwardInputs(1);
  W(0);
  F(3);
  backwardInputs(2);
  backwardInputs(3);
  W(3);
  W(1);
  W(2);
  return inputs.flatMap((_, m) => found.get(m)!);
}

describe('stages of a model on the engine', () => {
  it('property: a whole schedule is recorded and repeated, with the same bits', async () => {
    await activateBackend('engine', { threads: 2 });
    const model = makeModel(smallConfig);
    const passes = new Repeated();
    const variables = [...model.parameters.values(), ...model.expertBiases.values()];
    for (const round of [0, 1, 2, 3]) {
      const inputs = [1, 2, 3, 4].map((m) => makeInput(10 * round + m));
      const tensors = inputs.flatMap(({ ids, documentIds }) => [ids, documentIds!]);
      const expected = tf.tidy(() => inputs.flatMap((input) => whole(model, input)));
      const before = tf.engine().state.numBytes;
      const runKernel = vi.spyOn(tf.engine(), 'runKernel');
      const found = passes.run('schedule', tensors, variables, (given) =>
        tf.tidy(() => {
          const pairs = inputs.map((_, m) => ({ ids: given[2 * m], documentIds: given[2 * m + 1] }) as LossInput);
          return interleaved(model, pairs);
        }),
      );
      // The first round goes through TF.js, the second is recorded there.
      expect(runKernel.mock.calls.some(([name]) => name === 'LinearCrossEntropy')).toBe(round < 2);
      runKernel.mockRestore();
      expect(bits(found)).toEqual(expected);
      tf.dispose(found);
      expect(tf.engine().state.numBytes).toBe(before);
      tf.dispose(tensors);
    }
    passes.dispose();
    model.dispose();
  });
});
