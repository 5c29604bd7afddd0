// Moments of AdamW in bfloat16: against a plain loop, in half the memory, and through a checkpoint without a change.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { runningEngine } from '../../src/engine/engine.ts';
import { sizeClass } from '../../src/engine/heap.ts';
import { memoryLedger } from '../../src/memory/ledger.ts';
import { roundBfloat16 } from '../../src/ops/round-bfloat16.ts';
import { packBfloat16, pairsOf, unpackBfloat16 } from '../../src/precision/bfloat16-pairs.ts';
import { roundToBfloat16 } from '../../src/precision/formats.ts';
import { createRandom, normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { loadGoldenJson } from '../goldens/load.ts';
import { nanoModel, nanoTrain } from './nano.ts';

const size = 37;
const [beta1, beta2] = [0.9, 0.95];
const settings = {
  adamBeta1: beta1,
  adamBeta2: beta2,
  adamEps: 1e-8,
  weightDecay: 0,
  adamMoments: 'bfloat16',
} as const;
const gradient = (step: number) => normalArray(size, 0.1, step);
const { fround } = Math;

/** An update by the formulas of AdamW in float32, whose moments are rounded after it. */
function reference(steps: number) {
  let [m, v]: [Float32Array, Float32Array] = [new Float32Array(size), new Float32Array(size)];
  const p = normalArray(size, 1, 7);
  for (let t = 1; t <= steps; t++) {
    const correction = Math.sqrt(1 - beta2 ** t);
    const [rate, eps] = [fround((0.01 * correction) / (1 - beta1 ** t)), fround(1e-8 * correction)];
    const [gain, gainSq] = [fround(1 - beta1), fround(1 - beta2)];
    gradient(t).forEach((g, i) => {
      m[i] = fround(fround(m[i]! * fround(beta1)) + fround(g * gain));
      v[i] = fround(fround(v[i]! * fround(beta2)) + fround(fround(g * g) * gainSq));
      p[i] = p[i]! - fround(fround(m[i]! / fround(fround(Math.sqrt(v[i]!)) + eps)) * rate);
    });
    [m, v] = [roundToBfloat16(m), roundToBfloat16(v)];
  }
  return { p, m, v };
}

async function trained(steps: number, optimizer: AdamW, from = 0): Promise<void> {
  for (let step = from + 1; step <= steps; step++) {
    tf.tidy(() => optimizer.update(new Map([['gain', tf.tensor1d(gradient(step))]]), 0.01, tf.scalar(1)));
  }
}

const parameter = () => tf.tidy(() => tf.variable(tf.tensor1d(normalArray(size, 1, 7))));
const bitsOf = (values: Float32Array) => Array.from(new Uint32Array(Float32Array.from(values).buffer));

beforeAll(() => activateBackend('engine', { threads: 2 }));

describe('adamMoments: bfloat16', () => {
  it('moves a parameter by the moments as they come out, and keeps them rounded', async () => {
    const gain = parameter();
    const optimizer = new AdamW(new Map([['gain', gain]]), settings);
    await trained(5, optimizer);
    const [expAvg, expAvgSq] = await optimizer.exportTensors();
    const expected = reference(5);
    expect(bitsOf(expAvg!.data)).toEqual(bitsOf(expected.m));
    expect(bitsOf(expAvgSq!.data)).toEqual(bitsOf(expected.v));
    expect(bitsOf(gain.dataSync<'float32'>())).toEqual(bitsOf(expected.p));
    expect([expAvg!.shape, expAvgSq!.shape]).toEqual([[size], [size]]);
    optimizer.dispose();
    gain.dispose();
  });

  it('goes on with the same bits from what was exported, and rounds moments of float32 that it is given', async () => {
    const [whole, half] = [parameter(), parameter()];
    const [first, second] = [whole, half].map((gain) => new AdamW(new Map([['gain', gain]]), settings));
    await trained(6, first!);
    await trained(3, second!);
    const [tensors, values] = [await second!.exportTensors(), half.dataSync<'float32'>()];
    const again = tf.tidy(() => tf.variable(tf.tensor1d(values)));
    const third = new AdamW(new Map([['gain', again]]), settings);
    third.importTensors(tensors, 3);
    await trained(6, third, 3);
    expect(bitsOf(again.dataSync<'float32'>())).toEqual(bitsOf(whole.dataSync<'float32'>()));
    expect(await third.exportTensors()).toEqual(await first!.exportTensors());
    const exact = tensors.map((tensor) => ({ ...tensor, data: normalArray(size, 1, 9) }));
    third.importTensors(exact, 3);
    for (const { data } of await third.exportTensors()) expect(data).toEqual(roundToBfloat16(normalArray(size, 1, 9)));
    for (const optimizer of [first!, second!, third]) optimizer.dispose();
    tf.dispose([whole, half, again]);
  });

  it('takes two bytes a number, and the ledger says so', async () => {
    const { heap } = runningEngine()!;
    const gain = tf.tidy(() => tf.variable(tf.zeros([64, 1024])));
    const before = heap.use.used;
    const optimizer = new AdamW(new Map([['gain', gain]]), settings);
    expect(heap.use.used - before).toBe(2 * sizeClass(2 * 64 * 1024));
    optimizer.dispose();
    gain.dispose();
    const moments = async (adamMoments: 'float32' | 'bfloat16') =>
      (await memoryLedger({ model: nanoModel, train: { ...nanoTrain, adamMoments } })).kinds.moments;
    const ratio = (await moments('bfloat16')) / (await moments('float32'));
    expect(ratio).toBeGreaterThan(0.45); // blocks begin at cache lines, so small ones save nothing
    expect(ratio).toBeLessThan(0.6);
  });
});

describe('rounding to bfloat16', () => {
  /** Ties, their neighbours and random numbers, of magnitudes that moments have. */
  const numbers = () => {
    const random = createRandom(3);
    const { inputs } = loadGoldenJson('precision.json').bfloat16 as { readonly inputs: readonly number[] };
    const all = Float32Array.from(new Float32Array(Uint32Array.from(inputs).buffer));
    const some = normalArray(2000, 1, 1).map((x) => x * 2 ** Math.round(150 * random() - 100));
    return Float32Array.from([...all, ...some].filter((x) => Math.abs(x) > 2 ** -110 && Math.abs(x) < 2 ** 110));
  };

  it.each(['cpu', 'wasm', 'engine'] as const)(
    'property: by TF.js on %s gives the bits of roundToBfloat16',
    async (name) => {
      await activateBackend(name);
      const values = numbers();
      expect(values.length).toBeGreaterThan(2000);
      const rounded = tf.tidy(() => roundBfloat16(tf.tensor1d(values)).dataSync<'float32'>());
      expect(bitsOf(rounded)).toEqual(bitsOf(roundToBfloat16(values)));
    },
  );

  it('packs two in an int32, an odd one alone, and gives them back', () => {
    const values = Float32Array.of(1, -2.5, 0.1);
    expect(pairsOf(3)).toBe(2);
    const packed = packBfloat16(values);
    expect(Array.from(new Uint16Array(packed.buffer))).toEqual([0x3f80, 0xc020, 0x3dcd, 0]);
    expect(unpackBfloat16(packed, 3)).toEqual(roundToBfloat16(values));
  });
});
