import { float32Products, type Products } from '../ops/products.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import type { tf } from '../tensor/tf.ts';
import { Linear } from './linear.ts';

/** SwiGLU feed-forward: `down(silu(gate(x)) * up(x))`. Dense layers and shared experts use it. */
export class SwiGluMlp {
  readonly gateProj: Linear;
  readonly upProj: Linear;
  readonly downProj: Linear;
  readonly #products: Products;

  constructor(
    store: ParameterStore,
    name: string,
    hiddenSize: number,
    intermediateSize: number,
    products: Products = float32Products,
  ) {
    const { linear } = products;
    this.#products = products;
    this.gateProj = new Linear(store, `${name}.gate_proj`, hiddenSize, intermediateSize, linear);
    this.upProj = new Linear(store, `${name}.up_proj`, hiddenSize, intermediateSize, linear);
    this.downProj = new Linear(store, `${name}.down_proj`, intermediateSize, hiddenSize, linear);
  }

  /** Shapes: x [N, D] -> [N, D]. */
  apply(x: tf.Tensor2D): tf.Tensor2D {
    const [gate, up] = [this.gateProj.apply(x), this.upProj.apply(x)];
    return this.#products.linearAfterSwiglu(gate, up, this.downProj.weight as tf.Tensor2D);
  }
}
