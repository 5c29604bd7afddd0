// Functions of one float32 tensor, and conversions between types.

import type { tf } from '../../tensor/tf.ts';
import type { EngineBackend } from '../backend.ts';
import { unaryOps } from '../operations.ts';
import { registerPartialKernel, sizeOf } from './register.ts';

/**
 * `x` as float32, int32 or bool. The cpu kernel widens by calling the same memory another type, which works only where
 * every number is a number of JavaScript.
 */
function cast(backend: EngineBackend, x: tf.TensorInfo, dtype: 'float32' | 'int32' | 'bool'): tf.TensorInfo {
  const out = backend.output(x.shape, dtype);
  if (x.dtype === 'bool' && dtype === 'float32') {
    backend.exports.truthAsFloat(backend.address(x), backend.address(out), sizeOf(x.shape));
    return out;
  }
  const values = backend.view(x);
  const target = backend.view(out);
  if (dtype !== 'bool') target.set(values);
  else for (let i = 0; i < values.length; i++) target[i] = values[i] === 0 ? 0 : 1;
  return out;
}

const isNumeric = (dtype: tf.DataType) => dtype === 'float32' || dtype === 'int32' || dtype === 'bool';

/** Registers them; other types are left to the cpu kernels. */
export function registerUnary(): void {
  for (const [op, name] of unaryOps.entries()) {
    registerPartialKernel(name, (backend, { x }, attrs) => {
      if (x.dtype !== 'float32') return null;
      const y = backend.output(x.shape);
      const alpha = 'alpha' in attrs ? attrs.alpha : 0;
      backend.exports.unary(op, backend.address(x), backend.address(y), sizeOf(x.shape), alpha);
      return y;
    });
  }
  registerPartialKernel('Cast', (backend, { x }, { dtype }) => {
    if (x.dtype === dtype || !isNumeric(x.dtype) || !isNumeric(dtype)) return null;
    return cast(backend, x, dtype as 'float32');
  });
}
