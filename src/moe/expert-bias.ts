// Auxiliary-loss-free balancing: the bias that steers selection, and the rule that moves it.

import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';

export interface ExpertBiasUpdate {
  /** The step gamma. */
  readonly speed: number;
  readonly rule: TrainConfig['expertBiasUpdateRule'];
  readonly form: ModelConfig['expertBiasForm'];
  /** Subtract the mean of the steps, so that the bias does not drift. torchtitan does; the report does not. */
  readonly recenter: boolean;
}

/**
 * The bias after one optimizer step, from the selections of that whole step: up by `speed` for experts below the mean
 * load, down for those above, unchanged at the mean. Call it once per optimizer step, never per micro-batch (B5).
 *
 * `proportional` steps by `speed` times the relative error `(mean - count) / mean`; the ALF paper uses the absolute
 * error of a fixed batch, which differs by a constant. `multiplicative` multiplies by `1 + step`.
 *
 * Shapes: bias [E], counts [E] -> [E], float32.
 * Example: bias [0, 0], counts [10, 0], speed 0.1 -> [-0.1, 0.1].
 * Source: arXiv:2412.19437 section 2.1.2; arXiv:2408.15664 section 3 and Tables 3, 4.
 */
export function updateExpertBias(
  bias: Float32Array,
  counts: ArrayLike<number>,
  { speed, rule, form, recenter }: ExpertBiasUpdate,
): Float32Array {
  const loads = Array.from(counts);
  const mean = loads.reduce((a, b) => a + b, 0) / loads.length;
  const error = (load: number) => (rule === 'sign' ? Math.sign(mean - load) : mean === 0 ? 0 : (mean - load) / mean);
  const steps = loads.map((load) => speed * error(load));
  const drift = recenter ? steps.reduce((a, b) => a + b, 0) / steps.length : 0;
  return bias.map((b, i) => {
    const step = steps[i]! - drift;
    return form === 'additive' ? b + step : b * (1 + step);
  });
}
