// Named parameters of a model, created with a seeded normal initialisation that does not depend on the order of
// creation.

import type { NamedTensor } from './named-tensor.ts';
import { deriveSeed, normalArray } from './random.ts';
import { tf } from './tf.ts';

/** Trainable parameters and untrained buffers by their Hugging Face names. */
export class ParameterStore {
  readonly parameters = new Map<string, tf.Variable>();
  readonly buffers = new Map<string, tf.Variable>();
  readonly #seed: number | null;
  readonly #std: number;

  /** `seed` null: weights are not drawn, they are 0. */
  constructor(seed: number | null, std: number) {
    this.#seed = seed;
    this.#std = std;
  }

  /** A weight drawn from a normal distribution with mean 0. */
  weight<R extends tf.Rank>(name: string, shape: tf.ShapeMap[R]): tf.Variable<R> {
    return this.#add(this.parameters, name, this.#drawn<R>(name, shape), true);
  }

  #drawn<R extends tf.Rank>(name: string, shape: tf.ShapeMap[R]): tf.Tensor<R> {
    if (this.#seed === null) return tf.fill<R>(shape, 0);
    const size = shape.reduce((a, b) => a * b, 1);
    return tf.tensor<R>(normalArray(size, this.#std, deriveSeed(this.#seed, name)), shape);
  }

  /** The gains of a norm, all 1. */
  ones(name: string, size: number): tf.Variable<tf.Rank.R1> {
    return this.#add(this.parameters, name, tf.ones<tf.Rank.R1>([size]), true);
  }

  /** A vector that no optimizer sees. */
  buffer(name: string, size: number, value: number): tf.Variable<tf.Rank.R1> {
    return this.#add(this.buffers, name, tf.fill<tf.Rank.R1>([size], value), false);
  }

  /** The parameters whose names begin with one of the prefixes, in the order of their creation. */
  parametersOf(...prefixes: readonly string[]): ReadonlyMap<string, tf.Variable> {
    return new Map([...this.parameters].filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix))));
  }

  /** Copies of all values, parameters first. */
  async export(): Promise<NamedTensor[]> {
    const copy = async ([name, variable]: [string, tf.Variable]): Promise<NamedTensor> => {
      return { name, shape: variable.shape, data: new Float32Array(await variable.data<'float32'>()) };
    };
    return Promise.all([...this.parameters, ...this.buffers].map(copy));
  }

  /** Overwrites values by name; the names and shapes must be exactly those of the store. */
  import(tensors: Iterable<NamedTensor>): void {
    const all = new Map([...this.parameters, ...this.buffers]);
    for (const { name, shape, data } of tensors) {
      const variable = all.get(name);
      if (variable === undefined || variable.shape.join() !== shape.join()) {
        throw new Error(`internal: ${name} [${shape}] does not fit the model's [${variable?.shape}]`);
      }
      all.delete(name);
      tf.tidy(() => variable.assign(tf.tensor(data, [...shape])));
    }
    if (all.size > 0) throw new Error(`internal: no values for ${[...all.keys()].join(', ')}`);
  }

  dispose(): void {
    for (const variable of [...this.parameters.values(), ...this.buffers.values()]) variable.dispose();
  }

  #add<R extends tf.Rank>(
    map: Map<string, tf.Variable>,
    name: string,
    initial: tf.Tensor<R>,
    trainable: boolean,
  ): tf.Variable<R> {
    const variable = tf.variable(initial, trainable);
    initial.dispose();
    map.set(name, variable as tf.Variable);
    return variable;
  }
}
