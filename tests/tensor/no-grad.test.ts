import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { noGrad } from '../../src/tensor/no-grad.ts';
import { tf } from '../../src/tensor/tf.ts';

describe('noGrad', () => {
  beforeAll(() => activateBackend('cpu'));

  it('makes a constant of its result: x * noGrad(x) has gradient x, not 2x', () => {
    const x = tf.variable(tf.tensor1d([2, 3, 5]));
    const { value, grads } = valueAndGrads(
      () =>
        tf
          .sum(
            tf.mul(
              x,
              noGrad(() => tf.mul(x, 1)),
            ),
          )
          .asScalar(),
      [x],
    );
    expect(value.dataSync()[0]).toBe(38);
    expect(Array.from(grads[0]!.dataSync())).toEqual([2, 3, 5]);
    tf.dispose([value, ...grads, x]);
  });

  it('lets ops without gradient stand beside the loss, such as TopK, which TF.js would refuse', () => {
    const x = tf.variable(tf.tensor2d([[2, 7, 5]]));
    const refused = () => valueAndGrads(() => tf.sum(tf.topk(x, 2).values).asScalar(), [x]);
    expect(refused).toThrow(/gradient/);
    const loss = () => {
      const best = noGrad(() => tf.topk(x, 2).indices);
      return tf.sum(tf.mul(tf.gather(tf.reshape(x, [3]), tf.reshape(best, [2])), tf.tensor1d([11, 13]))).asScalar();
    };
    const { value, grads } = valueAndGrads(loss, [x]);
    expect(value.dataSync()[0]).toBe(7 * 11 + 5 * 13);
    expect(Array.from(grads[0]!.dataSync())).toEqual([0, 11, 13]);
    tf.dispose([value, ...grads, x]);
  });

  it('records again after an error', () => {
    const x = tf.variable(tf.scalar(3));
    const loss = () => {
      expect(() =>
        noGrad(() => {
          throw new Error('inside');
        }),
      ).toThrow('inside');
      return tf.square(x).asScalar();
    };
    const { value, grads } = valueAndGrads(loss, [x]);
    expect(grads[0]!.dataSync()[0]).toBe(6);
    tf.dispose([value, ...grads, x]);
  });
});
