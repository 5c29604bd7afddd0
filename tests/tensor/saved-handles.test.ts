import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { tf } from '../../src/tensor/tf.ts';

describe.each(['cpu', 'wasm', 'engine'] as const)('what the tape saves on %s', (backend) => {
  beforeAll(() => activateBackend(backend));

  it('is kept without a kernel, and outlives the tensor', () => {
    const x = tf.variable(tf.tensor1d([2, 3]));
    const cubed = () => {
      const square = tf.tidy(() => tf.mul(x, x));
      const cube = tf.sum(tf.mul(square, x)).asScalar();
      square.dispose();
      return cube;
    };
    const before = tf.memory().numTensors;
    const kernels: string[] = [];
    const run = tf.engine().runKernel;
    tf.engine().runKernel = function <T>(this: unknown, name: string, ...rest: unknown[]): T {
      kernels.push(name);
      return (run as (...all: unknown[]) => T).call(this, name, ...rest);
    } as typeof run;
    try {
      const { value, grads } = valueAndGrads(cubed, [x]);
      expect(Array.from(grads[0]!.dataSync())).toEqual([12, 27]);
      tf.dispose([value, ...grads]);
    } finally {
      tf.engine().runKernel = run;
    }
    expect(kernels).toContain('Multiply');
    expect(kernels).not.toContain('Identity');
    expect(tf.memory().numTensors).toBe(before);
    x.dispose();
  });

  it('gives gradients of gradients', () => {
    const second = tf.grad((x) => tf.grad((y) => tf.mul(tf.mul(y, y), y))(x));
    expect(tf.tidy(() => Array.from(second(tf.tensor1d([2, 3])).dataSync()))).toEqual([12, 18]);
  });
});
