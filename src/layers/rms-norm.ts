import { addRmsNorm, rmsNorm } from '../ops/rms-norm.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { recomputed } from '../tensor/recompute.ts';
import type { tf } from '../tensor/tf.ts';

/** Root-mean-square normalisation with a gain per channel. */
export class RMSNorm {
  readonly weight: tf.Variable<tf.Rank.R1>;
  readonly #eps: number;

  constructor(store: ParameterStore, name: string, size: number, eps: number) {
    this.weight = store.ones(`${name}.weight`, size);
    this.#eps = eps;
  }

  /** Shapes: x [..., size] -> the same. */
  apply<T extends tf.Tensor>(x: T): T {
    return recomputed(() => rmsNorm(x, this.weight, this.#eps));
  }

  /** Normalises `x + residual`, which is the other result. Shapes: both [..., size]. */
  applyToSum<T extends tf.Tensor>(x: T, residual: T): { readonly sum: T; readonly normed: T } {
    return recomputed(() => addRmsNorm(x, residual, this.weight, this.#eps));
  }
}
