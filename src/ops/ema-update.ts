import { ownData } from '../tensor/own-data.ts';
import { tf } from '../tensor/tf.ts';
import { hasKernel } from './fused-op.ts';
import { runListKernel } from './list-kernel.ts';

/** An average and what it follows, of one shape. */
export interface EmaTarget {
  readonly average: tf.Variable;
  readonly parameter: tf.Tensor;
}

/**
 * `average = decay * average + (1 - decay) * parameter`, for every target.
 *
 * A kernel gets [average, parameter of each target] and writes to the averages in place.
 */
export function emaUpdate(targets: readonly EmaTarget[], decay: number): void {
  if (hasKernel('EmaUpdate')) {
    for (const { average } of targets) ownData(average);
    const tensors = targets.flatMap(({ average, parameter }) => [average, parameter]);
    runListKernel('EmaUpdate', tensors, { rest: 1 - decay });
    return;
  }
  tf.tidy(() => {
    const rest = tf.scalar(1 - decay);
    for (const { average, parameter } of targets) {
      average.assign(tf.add(average, tf.mul(tf.sub(parameter, average), rest)));
    }
  });
}
