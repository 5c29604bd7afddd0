import { tf } from '../tensor/tf.ts';

/**
 * x rounded to bfloat16, ties to even, in a tensor of float32; the same numbers as `roundToBfloat16` where they are
 * normal and below 2^111.
 *
 * TF.js cannot look at the bits of a number. Multiplied by 2^s + 1 and taken apart again, x loses its last s bits, to
 * the nearest (T. J. Dekker, Numerische Mathematik 18, 1971); of a tie, both ends are tried for whether they have one
 * bit less.
 */
export function roundBfloat16<T extends tf.Tensor>(x: T): T {
  return tf.tidy(() => {
    const near = withoutBits(x, 16);
    const other = tf.sub(tf.add(x, x), near); // as far from x, on its other side
    const isTie = tf.equal(withoutBits(other, 16), other);
    const isEven = tf.equal(withoutBits(near, 17), near);
    return tf.where(tf.logicalAnd(isTie, tf.logicalNot(isEven)), other, near) as T;
  });
}

function withoutBits(x: tf.Tensor, bits: number): tf.Tensor {
  const large = tf.mul(x, 2 ** bits + 1);
  return tf.sub(large, tf.sub(large, x));
}
