// AdamW with PyTorch's semantics (torch.optim.AdamW): decoupled weight decay, bias-corrected moments.
//
// Nothing is read back from the backend. The gradient scale (clipping) is folded into the two moment updates, and the
// bias corrections into scalars, so that one parameter costs thirteen element-wise ops.
//
// With t = steps taken, b1, b2 = betas, c = sqrt(1 - b2^t):
//   m = b1 m + (1 - b1) g         v = b2 v + (1 - b2) g^2
//   p = (1 - lr * decay) p - lr / (1 - b1^t) * m / (sqrt(v) / c + eps)

import type { TrainConfig } from '../config/train-config.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { tf } from '../tensor/tf.ts';
import { exportVariable, importVariable } from './variable-state.ts';

export type AdamWSettings = Pick<TrainConfig, 'adamBeta1' | 'adamBeta2' | 'adamEps' | 'weightDecay'>;

interface Moments {
  readonly expAvg: tf.Variable;
  readonly expAvgSq: tf.Variable;
}

interface StepScalars {
  readonly beta1: tf.Scalar;
  readonly beta2: tf.Scalar;
  readonly gain: tf.Scalar; // (1 - b1) * scale
  readonly gainSq: tf.Scalar; // (1 - b2) * scale^2
  readonly eps: tf.Scalar; // eps * c
  readonly rate: tf.Scalar; // lr * c / (1 - b1^t)
  readonly decay: tf.Scalar; // 1 - lr * weightDecay
}

/** Moments of a set of variables. Owns the moments (dispose them), not the variables. */
export class AdamW {
  readonly #parameters: ReadonlyMap<string, tf.Variable>;
  readonly #moments: ReadonlyMap<string, Moments>;
  readonly #settings: AdamWSettings;
  #steps = 0;

  /** Moments start at zero. The balancing bias of the experts is not a parameter and must not be among them. */
  constructor(parameters: ReadonlyMap<string, tf.Variable>, settings: AdamWSettings) {
    this.#parameters = parameters;
    this.#settings = settings;
    this.#moments = new Map(
      [...parameters].map(([name, { shape }]) => [
        name,
        { expAvg: zeroVariable(shape), expAvgSq: zeroVariable(shape) },
      ]),
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
    tf.tidy(() => {
      const scalars = this.#scalars(learningRate, scale);
      for (const [name, parameter] of this.#parameters) {
        const gradient = gradients.get(name);
        const moments = this.#moments.get(name);
        if (!gradient || !moments) throw new Error(`internal: AdamW has no gradient for ${name}`);
        updateParameter(parameter, moments, gradient, scalars);
      }
    });
  }

  #scalars(learningRate: number, scale: tf.Scalar): StepScalars {
    const { adamBeta1, adamBeta2, adamEps, weightDecay } = this.#settings;
    const correction = Math.sqrt(1 - adamBeta2 ** this.#steps);
    return {
      beta1: tf.scalar(adamBeta1),
      beta2: tf.scalar(adamBeta2),
      gain: tf.mul(scale, 1 - adamBeta1),
      gainSq: tf.mul(tf.square(scale), 1 - adamBeta2),
      eps: tf.scalar(adamEps * correction),
      rate: tf.scalar((learningRate * correction) / (1 - adamBeta1 ** this.#steps)),
      decay: tf.scalar(1 - learningRate * weightDecay),
    };
  }

  /** The moments under PyTorch's names, `exp_avg.NAME` and `exp_avg_sq.NAME`. */
  async exportTensors(): Promise<NamedTensor[]> {
    const tensors: NamedTensor[] = [];
    for (const [name, { expAvg, expAvgSq }] of this.#moments) {
      tensors.push(
        await exportVariable(`exp_avg.${name}`, expAvg),
        await exportVariable(`exp_avg_sq.${name}`, expAvgSq),
      );
    }
    return tensors;
  }

  /** Restores what `exportTensors` gave after `steps` updates. Other names are ignored; a missing one is an error. */
  importTensors(tensors: readonly NamedTensor[], steps: number): void {
    const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    for (const [name, { expAvg, expAvgSq }] of this.#moments) {
      importVariable(`exp_avg.${name}`, expAvg, byName);
      importVariable(`exp_avg_sq.${name}`, expAvgSq, byName);
    }
    this.#steps = steps;
  }

  dispose(): void {
    for (const { expAvg, expAvgSq } of this.#moments.values()) tf.dispose([expAvg, expAvgSq]);
  }
}

function updateParameter(parameter: tf.Variable, moments: Moments, gradient: tf.Tensor, scalars: StepScalars): void {
  const { beta1, beta2, gain, gainSq, eps, rate, decay } = scalars;
  const { expAvg, expAvgSq } = moments;
  expAvg.assign(tf.add(tf.mul(expAvg, beta1), tf.mul(gradient, gain)));
  expAvgSq.assign(tf.add(tf.mul(expAvgSq, beta2), tf.mul(tf.square(gradient), gainSq)));
  const change = tf.mul(tf.div(expAvg, tf.add(tf.sqrt(expAvgSq), eps)), rate);
  parameter.assign(tf.sub(parameter.rank >= 2 ? tf.mul(parameter, decay) : parameter, change));
}

function zeroVariable(shape: number[]): tf.Variable {
  return tf.tidy(() => tf.variable(tf.zeros(shape), false));
}
