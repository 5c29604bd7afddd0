import { ownData } from '../tensor/own-data.ts';
import { tf } from '../tensor/tf.ts';
import { hasKernel } from './fused-op.ts';

/** Gives a variable other values; where the backend has a kernel for it, the variable stays where it is. */
export function overwrite(variable: tf.Variable, values: Float32Array): void {
  tf.tidy(() => {
    const source = tf.tensor(values, variable.shape);
    if (!hasKernel('Overwrite')) return variable.assign(source);
    ownData(variable);
    tf.engine().runKernel('Overwrite', { variable, source });
  });
}
