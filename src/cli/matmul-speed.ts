// How fast a backend multiplies matrices: the arithmetic that training mostly consists of.

import { tf } from '../tensor/tf.ts';

const size = 512;
const measureMilliseconds = 300;

async function multiplyOnce(a: tf.Tensor2D, b: tf.Tensor2D): Promise<void> {
  const product = tf.matMul(a, b);
  await product.data();
  product.dispose();
}

/** GFLOP/s of the active backend on a 512 x 512 x 512 product, the first (compiling) one left out. */
export async function measureMatmulSpeed(): Promise<number> {
  const a = tf.randomUniform<tf.Rank.R2>([size, size], -1, 1, 'float32', 1);
  const b = tf.randomUniform<tf.Rank.R2>([size, size], -1, 1, 'float32', 2);
  await multiplyOnce(a, b);
  const start = performance.now();
  let products = 0;
  do {
    await multiplyOnce(a, b);
    products += 1;
  } while (performance.now() - start < measureMilliseconds);
  const seconds = (performance.now() - start) / 1000;
  tf.dispose([a, b]);
  return (products * 2 * size ** 3) / seconds / 1e9;
}
