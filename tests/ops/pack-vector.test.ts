import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { packVector } from '../../src/ops/pack-vector.ts';
import { tf } from '../../src/tensor/tf.ts';

describe.each(['cpu', 'wasm', 'engine'] as const)('packVector on %s', (backend) => {
  it('puts all elements one after the other, and leaves only its result', async () => {
    await activateBackend(backend);
    const parts = [tf.scalar(7), tf.tensor1d([1, 2, 3]), tf.tensor2d([[4], [5]])];
    const before = tf.memory().numTensors;
    const packed = packVector(parts);
    expect(packed.shape).toEqual([6]);
    expect(Array.from(packed.dataSync())).toEqual([7, 1, 2, 3, 4, 5]);
    expect(tf.memory().numTensors).toBe(before + 1);
    tf.dispose([packed, ...parts]);
  });
});
