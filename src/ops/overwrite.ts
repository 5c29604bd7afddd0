import { ownData } from '../tensor/own-data.ts';
import { tf } from '../tensor/tf.ts';
import { defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';
import { hasKernel } from './kernels.ts';

/** A kernel writes where the variable is. */
export const overwriteOp = defineOp({
  name: 'Overwrite',
  inputs: { variable: 'N...', source: 'N...' },
  constants: ['variable', 'source'],
  outputs: {},
});

/** Gives a variable other values; where the backend has a kernel for it, the variable stays where it is. */
export function overwrite(variable: tf.Variable, values: Float32Array): void {
  tf.tidy(() => {
    const source = tf.tensor(values, variable.shape);
    if (hasKernel(overwriteOp)) ownData(variable);
    fusedOp(overwriteOp, { variable, source }, {}, () => {
      variable.assign(source);
      return {};
    });
  });
}
