// Rotary embedding on the engine: the same bits for any number of threads, the gradient as the turn back, and NaN.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { rotaryTables } from '../../src/layers/rotary-embedding.ts';
import { applyRotary, type RotaryTables } from '../../src/ops/rotary.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { constant } from '../ops/op-case.ts';
import { nanoModel } from '../train/nano.ts';
import { expectSameBits } from './same-bits.ts';

const [B, T, H, W, R] = [3, 257, 5, 29, 14];
const shape: [number, number, number, number] = [B, T, H, W];
const tablesFor = (ropeInterleave: boolean, length = T) =>
  rotaryTables({ ...nanoModel, qkRopeHeadDim: R, ropeInterleave }, length);
const disposeTables = ({ cos, sin, partner }: RotaryTables) => tf.dispose([cos, sin, partner]);

describe.each([
  ['neighbours', true],
  ['halves', false],
] as const)('applyRotary of %s', (_, interleave) => {
  beforeAll(() => activateBackend('engine', { threads: 2 }));

  it('gives the same bits on any number of threads', async () => {
    const results: Float32Array[] = [];
    for (const threads of [1, 2, 3, 4]) {
      await activateBackend('engine', { threads });
      const [x, tables] = [constant<tf.Rank.R4>('x', shape), tablesFor(interleave)];
      const y = applyRotary(x, tables);
      results.push(y.dataSync<'float32'>());
      tf.dispose([x, y]);
      disposeTables(tables);
    }
    for (const result of results.slice(1)) expectSameBits([result], [results[0]!]);
  });

  it('property: the gradient turns back what the op has turned', () => {
    const [x, tables] = [tf.variable(constant<tf.Rank.R4>('x', shape)), tablesFor(interleave)];
    const turned = applyRotary(x as tf.Tensor4D, tables);
    const loss = () => tf.sum(tf.mul(applyRotary(x as tf.Tensor4D, tables), turned)).asScalar();
    const { value, grads } = valueAndGrads(loss, [x]);
    // Two rotations of numbers of size 1 to 4.
    expectAllClose(grads[0]!.dataSync(), x.dataSync(), { rtol: 0, atol: 2e-6 }, 'turned back');
    tf.dispose([x, turned, value, ...grads]);
    disposeTables(tables);
  });

  it('spoils no channel but those of a pair with a NaN', () => {
    const tables = tablesFor(interleave);
    const values = constant<tf.Rank.R4>('x', shape).dataSync();
    const head = 11 * W;
    const rope = head + W - R;
    values[head] = Number.NaN; // passes
    values[rope + 2] = Number.NaN;
    const y = tf.tidy(() => applyRotary(tf.tensor4d(values, shape), tables).dataSync());
    const spoiled = Array.from(y.keys()).filter((i) => Number.isNaN(y[i]));
    expect(spoiled).toEqual([head, rope + 2, interleave ? rope + 3 : rope + 2 + R / 2]);
    disposeTables(tables);
  });

  it('asks for tables as long as the sequence', () => {
    const [x, tables] = [constant<tf.Rank.R4>('x', shape), tablesFor(interleave, T - 1)];
    expect(() => applyRotary(x, tables)).toThrow('257 positions, but the tables have only 256');
    x.dispose();
    disposeTables(tables);
  });
});
