// Twenty optimizer steps next to torch.optim.AdamW with gradient clipping; see tests/goldens/README.md.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { tf } from '../../src/tensor/tf.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { clipScale, globalNorm } from '../../src/train/clip.ts';
import { computeLoss } from '../../src/train/loss.ts';
import { expectAllClose } from '../all-close.ts';
import { loadGolden } from '../goldens/load.ts';
import { goldenModel, inMemory } from '../goldens/model.ts';
import { idTensor } from '../model/small-model.ts';

const golden = loadGolden('steps');
const { learningRate, betas, eps, weightDecay, maxGradNorm } = golden.values as {
  learningRate: number;
  betas: [number, number];
  eps: number;
  weightDecay: number;
  maxGradNorm: number;
};
const weights = { mtpWeight: 0, balancing: 'none', balanceLossFactor: 0 } as const;

describe('golden: 20 optimizer steps', () => {
  let model: DeepseekV3ForCausalLM;
  const losses: number[] = [];
  const norms: number[] = [];

  beforeAll(async () => {
    await activateBackend('wasm');
    model = goldenModel(golden);
    const settings = { adamBeta1: betas[0], adamBeta2: betas[1], adamEps: eps, weightDecay };
    const optimizer = new AdamW(model.parameters, settings);
    for (const rows of golden.values.ids as number[][][]) step(optimizer, rows);
    optimizer.dispose();
  });
  afterAll(() => model.dispose());

  function step(optimizer: AdamW, rows: number[][]): void {
    const [names, variables] = [[...model.parameters.keys()], [...model.parameters.values()]];
    const objective = () => computeLoss(model, { ids: idTensor(rows), documentIds: null }, weights).total;
    const { value, grads } = valueAndGrads(objective, variables);
    tf.tidy(() => {
      const norm = globalNorm(grads);
      losses.push(value.dataSync()[0]!);
      norms.push(norm.dataSync()[0]!);
      optimizer.update(new Map(names.map((name, i) => [name, grads[i]!])), learningRate, clipScale(norm, maxGradNorm));
    });
    tf.dispose([value, ...grads]);
  }

  it('follows the losses of PyTorch within 1e-5', () => {
    // Losses fall from 3.9; the last digits of float32 are 2e-7 there.
    expectAllClose(losses, golden.values.losses as number[], { rtol: 0, atol: 1e-5 });
  });

  it('follows its gradient norms, which are clipped in every step', () => {
    expectAllClose(norms, golden.values.gradNorms as number[], { rtol: 1e-5, atol: 0 });
    for (const norm of norms) expect(norm).toBeGreaterThan(maxGradNorm);
  });

  it('ends at its weights, experts that nobody picks included', () => {
    for (const [name, variable] of model.parameters) {
      // A hundredth of one step: Adam divides by the root of a second moment, which turns the rounding of a gradient
      // near 0 into part of a step.
      expectAllClose(variable.dataSync(), inMemory(golden.tensors, name, 'final.'), { rtol: 0, atol: 5e-5 }, name);
    }
  });

  it('leaves the balancing bias where it was', () => {
    for (const [layer, bias] of model.expertBiases) {
      const name = `model.layers.${layer}.mlp.gate.e_score_correction_bias`;
      expect(bias.dataSync()).toEqual(golden.weights.get(name)?.data);
    }
  });
});
