import { ownData } from '../tensor/own-data.ts';
import { tf } from '../tensor/tf.ts';
import { attributes } from './define-op.ts';
import { hasKernel } from './kernels.ts';
import { defineListOp, runListKernel } from './list-op.ts';

/** A kernel writes to the averages. `rest` is 1 - decay. */
export const emaUpdateOp = defineListOp({
  name: 'EmaUpdate',
  inputs: {},
  item: ['average', 'parameter'],
  attrs: attributes<{ readonly rest: number }>(),
  outputs: {},
});

/** An average and the parameter that it follows, of one shape. */
export interface EmaTarget {
  readonly average: tf.Variable;
  readonly parameter: tf.Tensor;
}

/** `average = decay * average + (1 - decay) * parameter`, for every target. */
export function emaUpdate(targets: readonly EmaTarget[], decay: number): void {
  if (hasKernel(emaUpdateOp)) {
    for (const { average } of targets) ownData(average);
    runListKernel(emaUpdateOp, {}, targets, { rest: 1 - decay });
    return;
  }
  tf.tidy(() => {
    const rest = tf.scalar(1 - decay);
    for (const { average, parameter } of targets) {
      average.assign(tf.add(average, tf.mul(tf.sub(parameter, average), rest)));
    }
  });
}
