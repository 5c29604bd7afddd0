import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { UserError } from '../../src/errors.ts';
import { tf } from '../../src/tensor/tf.ts';
import { nonFiniteError } from '../../src/train/non-finite.ts';

beforeAll(async () => {
  await activateBackend('wasm');
});

const fine = new Map([['a', tf.tensor1d([1, 2])]]);
const bad = new Map<string, tf.Tensor>([
  ['a', tf.tensor1d([1, 2])],
  ['b', tf.tensor2d([[1, 2, Number.NEGATIVE_INFINITY]])],
]);

describe('nonFiniteError', () => {
  it('names the first weight that is not finite, and where', async () => {
    const error = await nonFiniteError(7, Number.NaN, bad, bad);
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toMatch(
      /^training: .* found loss NaN at step 7: the weight b \[1, 3\] has -Infinity at element 2;/,
    );
  });

  it('names the gradient when all weights are finite', async () => {
    expect((await nonFiniteError(7, 3.5, fine, bad)).message).toContain('the gradient of b [1, 3] has -Infinity');
  });

  it('says so when only the norm of all gradients overflows', async () => {
    expect((await nonFiniteError(7, 3.5, fine, fine)).message).toContain('too large together');
  });
});
