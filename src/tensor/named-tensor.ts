// A tensor outside TF.js: what checkpoints are made of.

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}
