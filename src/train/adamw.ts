// AdamW with PyTorch's semantics (torch.optim.AdamW): decoupled weight decay, bias-corrected moments.
//
// Nothing is read back from the backend. The arithmetic is in src/ops/adamw-update.ts; this file has the moments, and
// saves and restores them.

import type { TrainConfig } from '../config/train-config.ts';
import {
  adamwFactors,
  adamwUpdate,
  adamwUpdateBfloat16Op,
  type AdamWStep,
  type AdamWTarget,
} from '../ops/adamw-update.ts';
import { guardedAdamw } from '../ops/guarded-update.ts';
import { hasKernel } from '../ops/kernels.ts';
import { packBfloat16, pairsOf, unpackBfloat16 } from '../precision/bfloat16-pairs.ts';
import { roundToBfloat16 } from '../precision/formats.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { tf } from '../tensor/tf.ts';
import { namedTensor } from './variable-state.ts';

export type AdamWSettings = Pick<TrainConfig, 'adamBeta1' | 'adamBeta2' | 'adamEps' | 'weightDecay'> &
  Partial<Pick<TrainConfig, 'adamMoments'>>;

/** The two moments of one parameter: of its shape, or in pairs as `packBfloat16` packs them. */
export interface Moments {
  readonly expAvg: tf.Variable;
  readonly expAvgSq: tf.Variable;
}

/** Moments of a set of variables. Owns the moments (dispose them), not the variables. */
export class AdamW {
  readonly #parameters: ReadonlyMap<string, tf.Variable>;
  /** Moments by the name of their parameter. */
  protected readonly moments: ReadonlyMap<string, Moments>;
  readonly #settings: AdamWSettings;
  #steps = 0;

  /** Moments start at zero. The balancing bias of the experts is not a parameter and must not be among them. */
  constructor(parameters: ReadonlyMap<string, tf.Variable>, settings: AdamWSettings) {
    this.#parameters = parameters;
    this.#settings = settings;
    const arePacked = settings.adamMoments === 'bfloat16' && hasKernel(adamwUpdateBfloat16Op);
    const zero = ({ shape, size }: tf.Variable) =>
      tf.tidy(() => tf.variable(arePacked ? tf.fill([pairsOf(size)], 0, 'int32') : tf.fill(shape, 0), false));
    this.moments = new Map(
      [...parameters].map(([name, parameter]) => [name, { expAvg: zero(parameter), expAvgSq: zero(parameter) }]),
    );
  }

  /** Updates made so far; the bias correction depends on it. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * Moves every parameter once. `scale` multiplies the gradients (see `clipScale`). Weight decay applies to matrices
   * (rank 2 and stacked experts of rank 3) only, never to norm gains. The caller keeps owning `gradients`.
   */
  update(gradients: ReadonlyMap<string, tf.Tensor>, learningRate: number, scale: tf.Scalar): void {
    this.#steps++;
    adamwUpdate(this.#targets(gradients), scale, this.#step(learningRate), this.#settings.adamMoments);
  }

  /**
   * Counts an update, and returns its numbers for `updateGuarded`, which a recorded step repeats without being told
   * them again. Shapes: [7], the caller's to dispose.
   */
  countUpdate(learningRate: number): tf.Tensor1D {
    this.#steps++;
    return tf.tensor1d([...adamwFactors(this.#step(learningRate))]);
  }

  /** As `update`, on a backend that makes the update unless `scale` is negative. */
  updateGuarded(gradients: ReadonlyMap<string, tf.Tensor>, factors: tf.Tensor1D, scale: tf.Scalar): void {
    guardedAdamw(this.#targets(gradients), scale, factors);
  }

  /** Takes back the updates after `steps`, which were counted but not made. */
  uncountUpdates(steps: number): void {
    this.#steps = Math.min(this.#steps, steps);
  }

  /** All moments. */
  get variables(): readonly tf.Variable[] {
    return [...this.moments.values()].flatMap(({ expAvg, expAvgSq }) => [expAvg, expAvgSq]);
  }

  #targets(gradients: ReadonlyMap<string, tf.Tensor>): AdamWTarget[] {
    return [...this.#parameters].map(([name, parameter]) => {
      const gradient = gradients.get(name);
      const moments = this.moments.get(name);
      if (!gradient || !moments) throw new Error(`internal: AdamW has no gradient for ${name}`);
      return { parameter, gradient, ...moments };
    });
  }

  #step(learningRate: number): AdamWStep {
    const { adamBeta1: beta1, adamBeta2: beta2, adamEps: eps, weightDecay } = this.#settings;
    return { learningRate, beta1, beta2, eps, weightDecay, steps: this.#steps };
  }

  /** The moments under PyTorch's names, `exp_avg.NAME` and `exp_avg_sq.NAME`, in float32 whatever they are kept in. */
  async exportTensors(): Promise<NamedTensor[]> {
    const tensors: NamedTensor[] = [];
    for (const [name, { expAvg, expAvgSq }] of this.moments) {
      const { shape, size } = this.#parameters.get(name)!;
      for (const [kind, moment] of [['exp_avg', expAvg] as const, ['exp_avg_sq', expAvgSq] as const]) {
        const data = await moment.data();
        const numbers = moment.dtype === 'int32' ? unpackBfloat16(data as Int32Array, size) : Float32Array.from(data);
        tensors.push({ name: `${kind}.${name}`, shape, data: numbers });
      }
    }
    return tensors;
  }

  /**
   * Restores what `exportTensors` gave after `steps` updates, rounded where moments are in bfloat16. Other names are
   * ignored; a missing one is an error.
   */
  importTensors(tensors: readonly NamedTensor[], steps: number): void {
    const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    for (const [name, { expAvg, expAvgSq }] of this.moments) {
      const { shape } = this.#parameters.get(name)!;
      for (const [kind, moment] of [['exp_avg', expAvg] as const, ['exp_avg_sq', expAvgSq] as const]) {
        const { data } = namedTensor(`${kind}.${name}`, shape, byName);
        const rounded = this.#settings.adamMoments === 'bfloat16' ? roundToBfloat16(data) : data;
        const values = moment.dtype === 'int32' ? packBfloat16(rounded) : rounded;
        tf.tidy(() => moment.assign(tf.tensor(values, moment.shape, moment.dtype)));
      }
    }
    this.#steps = steps;
  }

  dispose(): void {
    for (const { expAvg, expAvgSq } of this.moments.values()) tf.dispose([expAvg, expAvgSq]);
  }
}
