import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { expectAllClose } from '../all-close.ts';

const settings = { adamBeta1: 0.9, adamBeta2: 0.95, adamEps: 1e-8, weightDecay: 0.1 };
const shapes: Record<string, number[]> = { gain: [3], matrix: [2, 5], experts: [3, 7, 2] };

beforeAll(async () => {
  await activateBackend('wasm');
});

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const gradientAt = (name: string, step: number) =>
  normalArray(sizeOf(shapes[name] ?? []), 0.3, 100 * step + name.length);

function makeParameters(): Map<string, tf.Variable> {
  return new Map(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      tf.tidy(() => tf.variable(tf.tensor(normalArray(sizeOf(shape), 1, name.length), shape))),
    ]),
  );
}

function stepWith(optimizer: AdamW, step: number, scale = 1): void {
  tf.tidy(() => {
    const gradients = new Map(
      Object.entries(shapes).map(([name, shape]) => [name, tf.tensor(gradientAt(name, step), shape)]),
    );
    optimizer.update(gradients, 0.01 / step, tf.scalar(scale));
  });
}

/** torch.optim.AdamW's algorithm as its documentation states it, in float64. */
function reference(name: string, steps: number, scale = 1): number[] {
  const values = Array.from(normalArray(sizeOf(shapes[name] ?? []), 1, name.length));
  const [m, v] = [values.map(() => 0), values.map(() => 0)];
  for (let t = 1; t <= steps; t++) {
    const rate = 0.01 / t;
    gradientAt(name, t).forEach((raw, i) => {
      const g = raw * scale;
      if ((shapes[name] ?? []).length >= 2) values[i]! -= rate * settings.weightDecay * values[i]!;
      m[i] = settings.adamBeta1 * m[i]! + (1 - settings.adamBeta1) * g;
      v[i] = settings.adamBeta2 * v[i]! + (1 - settings.adamBeta2) * g * g;
      const mHat = m[i]! / (1 - settings.adamBeta1 ** t);
      const vHat = v[i]! / (1 - settings.adamBeta2 ** t);
      values[i]! -= (rate * mHat) / (Math.sqrt(vHat) + settings.adamEps);
    });
  }
  return values;
}

async function expectValues(parameters: ReadonlyMap<string, tf.Variable>, steps: number, scale = 1): Promise<void> {
  for (const [name, parameter] of parameters) {
    const expected = reference(name, steps, scale);
    const actual = await parameter.data();
    // Ten updates of 0.01 in float32 on values near 1: a few units in the last place (1.2e-7) each.
    for (const [i, value] of expected.entries()) expect(Math.abs((actual[i] ?? Number.NaN) - value)).toBeLessThan(1e-6);
  }
}

describe('AdamW', () => {
  it('follows PyTorch over ten steps, with decay on matrices and stacked experts only', async () => {
    const parameters = makeParameters();
    const optimizer = new AdamW(parameters, settings);
    for (let step = 1; step <= 10; step++) stepWith(optimizer, step);
    await expectValues(parameters, 10);
    optimizer.dispose();
    tf.dispose([...parameters.values()]);
  });

  it('applies the gradient scale before the moments, as clipping does', async () => {
    const parameters = makeParameters();
    const optimizer = new AdamW(parameters, settings);
    for (let step = 1; step <= 3; step++) stepWith(optimizer, step, 0.25);
    await expectValues(parameters, 3, 0.25);
    optimizer.dispose();
    tf.dispose([...parameters.values()]);
  });

  it('divides by sqrt(v) / c + eps, not by sqrt(v) + eps: eps matters when gradients are tiny', async () => {
    const parameter = tf.variable(tf.tensor1d([0]));
    const optimizer = new AdamW(new Map([['p', parameter]]), { ...settings, adamEps: 1e-3 });
    optimizer.update(new Map([['p', tf.tensor1d([1e-3])]]), 1, tf.scalar(1));
    // First step: mHat = vHat^0.5 = 1e-3, so the change is 1e-3 / (1e-3 + eps) = one half, to float32 rounding.
    expect((await parameter.data())[0]).toBeCloseTo(-0.5, 6);
  });

  it('leak: an update leaves the number of tensors as it was', () => {
    const parameters = makeParameters();
    const optimizer = new AdamW(parameters, settings);
    const before = tf.memory().numTensors;
    for (let step = 1; step <= 3; step++) stepWith(optimizer, step);
    expect(tf.memory().numTensors).toBe(before);
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(before - 6);
  });

  it('carries on bit for bit from exported state', async () => {
    const parameters = makeParameters();
    const first = new AdamW(parameters, settings);
    for (let step = 1; step <= 3; step++) stepWith(first, step);
    const saved = await first.exportTensors();
    expect(saved.map((tensor) => tensor.name)).toContain('exp_avg_sq.experts');
    const copy = new Map([...parameters].map(([name, value]) => [name, tf.tidy(() => tf.variable(value.clone()))]));
    const second = new AdamW(copy, settings);
    second.importTensors(saved, first.steps);
    stepWith(first, 4);
    stepWith(second, 4);
    for (const [name, value] of parameters) expect(await copy.get(name)?.data()).toEqual(await value.data());
  });

  it('refuses state of another shape, naming the tensor', () => {
    const optimizer = new AdamW(makeParameters(), settings);
    expect(() => optimizer.importTensors([{ name: 'exp_avg.gain', shape: [2], data: new Float32Array(2) }], 1)).toThrow(
      'trainer state: expected tensor exp_avg.gain of shape 3, found shape 2',
    );
    expect(() => optimizer.importTensors([], 1)).toThrow('exp_avg.gain of shape 3, found nothing');
  });
});

interface Golden {
  readonly betas: [number, number];
  readonly eps: number;
  readonly weightDecay: { readonly matrix: number };
  readonly initial: Record<string, NestedNumbers>;
  readonly steps: readonly {
    readonly learningRate: number;
    readonly grads: Record<string, NestedNumbers>;
    readonly values: Record<string, NestedNumbers>;
  }[];
}

type NestedNumbers = number[] | number[][] | number[][][];

/** From torch.optim.AdamW; the generator is beside the data. */
const golden: Golden = JSON.parse(readFileSync(new URL('../goldens/data/adamw.json', import.meta.url), 'utf8'));

describe.each(['cpu', 'wasm', 'engine'] as const)('golden: torch.optim.AdamW on %s', (backend) => {
  it('moves a matrix, a gain and stacked experts as PyTorch does, step by step', async () => {
    await activateBackend(backend);
    const parameters = new Map(
      Object.entries(golden.initial).map(([name, value]) => [name, tf.tidy(() => tf.variable(tf.tensor(value)))]),
    );
    const optimizer = new AdamW(parameters, {
      adamBeta1: golden.betas[0],
      adamBeta2: golden.betas[1],
      adamEps: golden.eps,
      weightDecay: golden.weightDecay.matrix,
    });
    for (const { learningRate, grads, values } of golden.steps) {
      tf.tidy(() => {
        const gradients = new Map(Object.entries(grads).map(([name, grad]) => [name, tf.tensor(grad)]));
        optimizer.update(gradients, learningRate, tf.scalar(1));
      });
      for (const [name, value] of Object.entries(values)) {
        const actual = await parameters.get(name)?.data();
        // Both sides are float32, with the same formula in another order: a few units in the last place.
        expectAllClose(actual ?? [], [value].flat(4), { rtol: 1e-5, atol: 1e-6 }, name);
      }
    }
  });
});
