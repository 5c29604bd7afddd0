// Exponential moving average of the weights (arXiv 2412.19437 sec. 3.2.2 keeps one to judge the model early).

import { emaUpdate } from '../ops/ema-update.ts';
import { guardedEma } from '../ops/guarded-update.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { tf } from '../tensor/tf.ts';
import { exportVariable, importVariable } from './variable-state.ts';

/** Averages of a set of variables, started at their values. Owns the averages, not the variables. */
export class WeightAverage {
  readonly #parameters: ReadonlyMap<string, tf.Variable>;
  readonly #averages: ReadonlyMap<string, tf.Variable>;
  readonly #decay: number;

  constructor(parameters: ReadonlyMap<string, tf.Variable>, decay: number) {
    this.#parameters = parameters;
    this.#decay = decay;
    this.#averages = new Map([...parameters].map(([name, value]) => [name, copyVariable(value)]));
  }

  /** Sets the averages to the current weights. */
  restart(): void {
    for (const { parameter, average } of this.#pairs()) average.assign(parameter);
  }

  /** `average = decay * average + (1 - decay) * weight`, for every parameter. */
  update(): void {
    emaUpdate(this.#pairs(), this.#decay);
  }

  /** The same, on a backend that makes the update unless `scale` is negative. */
  updateGuarded(scale: tf.Scalar): void {
    guardedEma(this.#pairs(), this.#decay, scale);
  }

  /** All averages. */
  get variables(): readonly tf.Variable[] {
    return [...this.#averages.values()];
  }

  /** Runs `body` with the averages in place of the weights, and puts the weights back afterwards, unchanged. */
  async evaluateWith<T>(body: () => Promise<T>): Promise<T> {
    const weights = this.#pairs().map(({ parameter, average }) => {
      const weight = parameter.clone();
      parameter.assign(average);
      return { parameter, weight };
    });
    try {
      return await body();
    } finally {
      for (const { parameter, weight } of weights) {
        parameter.assign(weight);
        weight.dispose();
      }
    }
  }

  /** The averages as `ema.NAME`. */
  async exportTensors(): Promise<NamedTensor[]> {
    const tensors: NamedTensor[] = [];
    for (const [name, average] of this.#averages) tensors.push(await exportVariable(`ema.${name}`, average));
    return tensors;
  }

  /** Restores what `exportTensors` gave. */
  importTensors(tensors: readonly NamedTensor[]): void {
    const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    for (const [name, average] of this.#averages) importVariable(`ema.${name}`, average, byName);
  }

  dispose(): void {
    for (const average of this.#averages.values()) average.dispose();
  }

  #pairs(): { parameter: tf.Variable; average: tf.Variable }[] {
    return [...this.#averages].map(([name, average]) => {
      const parameter = this.#parameters.get(name);
      if (!parameter) throw new Error(`internal: no parameter ${name} to average`);
      return { parameter, average };
    });
  }
}

function copyVariable(value: tf.Variable): tf.Variable {
  return tf.tidy(() => tf.variable(value.clone(), false));
}
