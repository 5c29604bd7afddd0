// Updates that the GPU makes by itself, against those of the host: AdamW and the average with the bits of the kernels
// that are not guarded, the balancing bias against `updateExpertBias`, and what holds them back.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { updateExpertBias } from '../../src/moe/expert-bias.ts';
import { emaUpdate } from '../../src/ops/ema-update.ts';
import { guardedBias, guardedEma, guardUpdates } from '../../src/ops/guarded-update.ts';
import { createRandom, normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { clipScale } from '../../src/train/clip.ts';
import { UpdateGuard } from '../../src/train/update-guard.ts';
import { expectAllClose } from '../all-close.ts';
import { whyNoGpu } from './software-gpu.ts';

const missing = await whyNoGpu();
const settings = { adamBeta1: 0.9, adamBeta2: 0.95, adamEps: 1e-8, weightDecay: 0.1 };
/** Tails, and tensors of several blocks. */
const shapes = [[1], [131], [3, 5, 11], [67, 131]];

const variable = (shape: number[], seed: number) =>
  tf.tidy(() => tf.variable(tf.tensor(normalArray(tf.util.sizeFromShape(shape), 1, seed), shape)));
const read = async (tensors: readonly tf.Tensor[]) => {
  const all = [];
  for (const tensor of tensors) all.push(Array.from(await tensor.data()));
  return all;
};

describe('updates that the GPU makes by itself', () => {
  if (missing !== null) {
    // A user's machine need not have a driver. CI installs one in software, so this is never skipped there.
    it.skip(`are not tested: ${missing}`);
    return;
  }
  beforeAll(() => activateBackend('webgpu'));
  afterAll(() => tf.removeBackend('webgpu'));

  /** Three steps of AdamW with an average; `scale` of the guard, or by the host. */
  async function steps(isGuarded: boolean, scales: readonly number[]) {
    const parameters = new Map(shapes.map((shape, i) => [`p${i}`, variable(shape, i)]));
    const averages = shapes.map((shape) => variable(shape, 50));
    const targets = averages.map((average, i) => ({ average, parameter: parameters.get(`p${i}`)! }));
    const optimizer = new AdamW(parameters, settings);
    for (const [step, factor] of scales.entries()) {
      tf.tidy(() => {
        const gradients = new Map(shapes.map((shape, i) => [`p${i}`, variable(shape, 10 * step + i) as tf.Tensor]));
        const scale = tf.scalar(factor);
        if (isGuarded) {
          optimizer.updateGuarded(gradients, optimizer.countUpdate(0.01), scale);
          guardedEma(targets, 0.9, scale);
        } else {
          optimizer.update(gradients, 0.01, scale);
          emaUpdate(targets, 0.9);
        }
        tf.dispose([...gradients.values()]);
      });
    }
    const found = await read([...parameters.values(), ...optimizer.variables, ...averages]);
    optimizer.dispose();
    tf.dispose([...parameters.values(), ...averages]);
    return found;
  }

  it('are those of AdamW and of the average, to the bit, and none where the scale is negative', async () => {
    const scales = [1, 0.3, 0];
    expect(await steps(true, scales)).toEqual(await steps(false, scales));
    expect(await steps(true, [-1, -1])).toEqual(await steps(true, []));
  });

  it('bring gradients down to the largest norm as `clipScale` does, and are held back from a step that is not finite on', async () => {
    const guard = new UpdateGuard();
    const scaleOf = async (norm: number, loss: number, maxNorm: number) => {
      const inputs = [tf.scalar(norm), tf.tensor1d([loss, 7])] as const;
      const scale = guardUpdates(...inputs, guard.held, maxNorm);
      const [value] = await scale.data();
      tf.dispose([...inputs, scale]);
      return value!;
    };
    for (const [norm, maxNorm] of [
      [3, 1],
      [0.5, 1],
      [7, 2.5],
      [100, 0],
      [0, 1],
    ] as const) {
      const inputs = tf.scalar(norm);
      const expected = clipScale(inputs, maxNorm);
      // A division may differ by 2.5 units in the last place (WGSL, "Floating Point Accuracy").
      expect(await scaleOf(norm, 4, maxNorm)).toBeCloseTo((await expected.data())[0]!, 6);
      tf.dispose([inputs, expected]);
    }
    for (const [norm, loss] of [
      [Number.NaN, 4],
      [Number.POSITIVE_INFINITY, 4],
      [1, Number.NaN],
      [1, Number.NEGATIVE_INFINITY],
    ] as const) {
      expect(await scaleOf(norm, loss, 1)).toBe(-1);
      expect(await scaleOf(1, 4, 1)).toBe(-1); // until somebody has seen it
      guard.clear();
      expect(await scaleOf(0.5, 3e38, 1)).toBe(1);
    }
    guard.dispose();
  });

  const rules = (['sign', 'proportional'] as const).flatMap((rule) =>
    (['additive', 'multiplicative'] as const).flatMap((form) =>
      [false, true].map((recenter) => [rule, form, recenter] as const),
    ),
  );

  it.each(rules)('move the balancing bias as the host does: %s, %s, without drift %s', async (rule, form, recenter) => {
    const random = createRandom(3);
    // Balanced, idle, all to one, a mean between two whole numbers, more experts than a block has elements.
    const loads: number[][] = [
      [4, 4, 4],
      [0, 0, 0],
      [0, 12, 0],
      [4, 5, 4],
    ];
    const many = Array.from({ length: 2 }, () => Array.from({ length: 2100 }, () => Math.floor(random() * 9)));
    for (const counts of [loads, many]) {
      const E = counts[0]!.length;
      const own = counts.map((_, layer) => normalArray(E, 0.1, layer));
      const biases = own.map((values) => tf.tidy(() => tf.variable(tf.tensor1d(values))));
      const given = [tf.tensor2d(counts), tf.scalar(0.7), tf.scalar(-1)] as const;
      const options = { speed: 0.01, rule, form, recenter };
      guardedBias(biases, given[0], given[2], options);
      expect(await read(biases)).toEqual(own.map((values) => Array.from(values)));
      guardedBias(biases, given[0], given[1], options);
      for (const [layer, moved] of (await read(biases)).entries()) {
        const expected = updateExpertBias(own[layer]!, counts[layer]!, options);
        // The host has float64: the speed and a few sums of it are rounded here, 1e-7 of steps below 0.1.
        expectAllClose(moved, expected, { rtol: 2e-7, atol: 3e-8 }, `${E} experts, layer ${layer}`);
      }
      tf.dispose([...biases, ...given]);
    }
  });
});
