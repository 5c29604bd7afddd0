import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { fromHuggingFaceConfig } from '../../src/config/huggingface.ts';
import type { RopeScaling } from '../../src/config/model-config.ts';
import { rotaryFrequencies, rotaryTables, softmaxScale, yarnMscale } from '../../src/layers/rotary-embedding.ts';
import { applyRotary } from '../../src/ops/rotary.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { loadGoldenJson } from '../goldens/load.ts';
import { smallConfig, smallYarn } from '../model/small-model.ts';

interface RopeCase {
  readonly name: string;
  readonly qkNopeHeadDim: number;
  readonly qkRopeHeadDim: number;
  readonly ropeTheta: number;
  readonly maxPositionEmbeddings: number;
  readonly ropeScaling: RopeScaling | null;
  readonly inverseFrequencies: number[];
  readonly cos: number[][]; // at each of `positions`, one number a pair
  readonly sin: number[][];
  readonly softmaxScale: number;
}

const goldens = loadGoldenJson('rope.json');
const positions = goldens.positions as number[];
const cases = goldens.cases as RopeCase[];

beforeAll(() => activateBackend('cpu'));

describe('rotaryFrequencies', () => {
  it.each(cases)('golden: gives the frequencies of transformers for $name', (golden) => {
    // The reference is float32.
    const tolerance = { rtol: 1e-6, atol: 0 };
    expectAllClose(rotaryFrequencies({ ...smallConfig, ...golden }), golden.inverseFrequencies, tolerance);
  });

  it('golden: keeps pairs up to 10 and divides those from 23 on by 40 in the released model', () => {
    const released = cases.find(({ name }) => name === 'yarn, released');
    if (released === undefined) throw new Error('no released case');
    const config = { ...smallConfig, ...released };
    const plain = rotaryFrequencies({ ...config, ropeScaling: null });
    const ratios = rotaryFrequencies(config).map((frequency, i) => plain[i]! / frequency);
    for (const ratio of ratios.slice(0, 11)) expect(ratio).toBe(1);
    for (const ratio of ratios.slice(11, 23)) {
      expect(ratio).toBeGreaterThan(1);
      expect(ratio).toBeLessThan(40);
    }
    for (const ratio of ratios.slice(23)) expect(ratio).toBeCloseTo(40, 10);
  });

  it('starts the ramp at the floor of the pair that turns betaFast times and ends it at the ceiling of the other', () => {
    // 64 channels, theta 10000, 4096 positions: 29 turns belong to pair 10.81, 2 turns to pair 20.10.
    const scaling = { ...smallYarn.ropeScaling, factor: 40, originalMaxPositionEmbeddings: 4096 };
    const config = { ...smallConfig, qkRopeHeadDim: 64, ropeTheta: 10_000 };
    const plain = rotaryFrequencies(config);
    const blended = rotaryFrequencies({ ...config, ropeScaling: { ...scaling, betaFast: 29, betaSlow: 2 } });
    const kept = blended.map((frequency, i) => (frequency / plain[i]! - 1 / 40) / (1 - 1 / 40));
    for (const [i, share] of kept.entries()) {
      expect(share).toBeCloseTo(Math.min(1, Math.max(0, 1 - (i - 10) / (21 - 10))), 10);
    }
  });
});

interface ForeignCase {
  readonly rotary: object;
  readonly cos: number[]; // one number a pair, at `position`
  readonly sin: number[];
  readonly softmaxScale: number;
}

describe('rotary settings of files from elsewhere', () => {
  const { position, shape, cases } = loadGoldenJson('foreign-rope.json');
  const sizes = { model_type: 'deepseek_v3', qk_nope_head_dim: smallConfig.qkNopeHeadDim, ...(shape as object) };

  it.each(cases as ForeignCase[])('golden: $rotary is computed as transformers does', ({ rotary, ...golden }) => {
    const config = fromHuggingFaceConfig({ ...sizes, ...rotary });
    const { cos, sin, partner } = rotaryTables(config, Number(position) + 1);
    // Pairs are neighbours here. The reference is float32, with angles up to 5: 5 * 6e-8 of rounding.
    for (const [table, wanted] of [
      [cos, golden.cos],
      [sin, golden.sin],
    ] as const) {
      const row = table.arraySync()[Number(position)]!;
      expectAllClose(
        row.filter((_, i) => i % 2 === 0),
        wanted,
        { rtol: 1e-6, atol: 1e-6 },
      );
    }
    tf.dispose([cos, sin, partner]);
    expect(softmaxScale(config)).toBeCloseTo(golden.softmaxScale, 12);
  });
});

describe('softmaxScale', () => {
  it.each(cases)('golden: is that of transformers for $name', (golden) => {
    expect(softmaxScale({ ...smallConfig, ...golden })).toBeCloseTo(golden.softmaxScale, 12);
  });

  it('golden: has the temperature of the released model', () => {
    expect(yarnMscale(40, 1)).toBeCloseTo(1.3688879, 7);
    expect(yarnMscale(1, 1)).toBe(1);
  });
});

describe('rotaryTables', () => {
  it.each(cases)('golden: has the cosines and sines of transformers for $name', (golden) => {
    const config = { ...smallConfig, ...golden };
    const { cos, sin, partner } = rotaryTables(config, 128);
    const R = golden.qkRopeHeadDim;
    for (const [table, expected] of [
      [cos, golden.cos],
      [sin, golden.sin],
    ] as const) {
      const values = table.arraySync();
      for (const [i, position] of positions.entries()) {
        const perPair = Array.from({ length: R }, (_, channel) => expected[i]![channel >> 1]!);
        // The reference rounds the angle itself to float32: about position * 6e-8.
        expectAllClose(values[position]!, perPair, { rtol: 0, atol: 1e-6 + position * 1.2e-7 }, `position ${position}`);
      }
    }
    tf.dispose([cos, sin, partner]);
  });

  it.each([true, false])(
    'property: scores depend on the distance of positions alone (interleave %s)',
    (ropeInterleave) => {
      const config = { ...smallConfig, ropeInterleave };
      const [T, R] = [11, config.qkRopeHeadDim];
      const tables = rotaryTables(config, T);
      const scores = tf.tidy(() => {
        const everywhere = (seed: number) =>
          tf.tile(tf.tensor4d(normalArray(R, 1, seed), [1, 1, 1, R]), [1, T, 1, 1]) as tf.Tensor4D;
        const [q, k] = [applyRotary(everywhere(1), tables), applyRotary(everywhere(2), tables)];
        return tf.matMul(q.reshape([T, R]), k.reshape([T, R]), false, true).arraySync() as number[][];
      });
      for (let i = 0; i < T; i++) for (let j = 0; j <= i; j++) expect(scores[i]![j]).toBeCloseTo(scores[i - j]![0]!, 5); // products of 6 floats
      expect(Math.abs(scores[5]![0]! - scores[0]![0]!)).toBeGreaterThan(0.01);
      tf.dispose([tables.cos, tables.sin, tables.partner]);
    },
  );

  it('property: interleaved and half layout are the same rotation of reordered channels', () => {
    const [T, R] = [7, smallConfig.qkRopeHeadDim];
    const values = normalArray(T * R, 1, 3);
    const halfOf = (channel: number) => (channel % 2) * (R / 2) + (channel >> 1);
    const reordered = new Float32Array(T * R);
    for (let i = 0; i < T * R; i++) reordered[Math.floor(i / R) * R + halfOf(i % R)] = values[i]!;
    const rotate = (x: Float32Array, ropeInterleave: boolean) =>
      tf.tidy(() =>
        applyRotary(tf.tensor4d(x, [1, T, 1, R]), rotaryTables({ ...smallConfig, ropeInterleave }, T)).dataSync(),
      );
    const [interleaved, halves] = [rotate(values, true), rotate(reordered, false)];
    for (let i = 0; i < T * R; i++) expect(halves[Math.floor(i / R) * R + halfOf(i % R)]).toBe(interleaved[i]);
  });
});
