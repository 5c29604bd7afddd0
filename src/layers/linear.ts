import { float32Products, type Products } from '../ops/products.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import type { tf } from '../tensor/tf.ts';

/** A matrix without bias, stored as Hugging Face stores it: [out, in]. No linear layer of DeepSeek-V3 has a bias. */
export class Linear {
  readonly weight: tf.Variable<tf.Rank.R2>;

  readonly #multiply: Products['linear'];

  constructor(
    store: ParameterStore,
    name: string,
    inFeatures: number,
    outFeatures: number,
    multiply: Products['linear'] = float32Products.linear,
  ) {
    this.#multiply = multiply;
    this.weight = store.weight(`${name}.weight`, [outFeatures, inFeatures]);
  }

  /** Shapes: x [N, in] -> [N, out]. */
  apply(x: tf.Tensor2D): tf.Tensor2D {
    return this.#multiply(x, this.weight as tf.Tensor2D);
  }
}
