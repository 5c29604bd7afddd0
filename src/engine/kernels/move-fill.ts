// Fill, ZerosLike, OnesLike and OneHot: tensors made of one or two numbers.

import type { tf } from '../../tensor/tf.ts';
import type { EngineBackend } from '../backend.ts';
import { bitsOf } from './move-share.ts';
import { registerPartialKernel, sizeOf } from './register.ts';

type WordType = 'float32' | 'int32';

const isWordType = (dtype: unknown): dtype is WordType => dtype === 'float32' || dtype === 'int32';

function makeFilled(backend: EngineBackend, shape: readonly number[], value: number, dtype: WordType): tf.TensorInfo {
  const out = backend.output(shape, dtype);
  backend.exports.fill(backend.address(out), sizeOf(shape), bitsOf(value, dtype));
  return out;
}

/** `depth` numbers for each index, all `offValue` but one; an index that is out of range has none. */
function oneHot(
  backend: EngineBackend,
  indices: tf.TensorInfo,
  { depth, onValue, offValue }: Omit<tf.OneHotAttrs, 'dtype'>,
  dtype: WordType,
): tf.TensorInfo {
  const out = makeFilled(backend, [...indices.shape, depth], offValue, dtype);
  const ids = backend.view(indices);
  const values = backend.view(out);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (id >= 0 && id < depth) values[i * depth + id] = onValue;
  }
  return out;
}

/** Registers them; other types are left to the cpu kernels. */
export function registerFill(): void {
  for (const [name, value] of [['ZerosLike', 0] as const, ['OnesLike', 1] as const]) {
    registerPartialKernel(name, (backend, { x: { shape, dtype } }) =>
      isWordType(dtype) ? makeFilled(backend, shape, value, dtype) : null,
    );
  }
  registerPartialKernel('Fill', (backend, _, { shape, value, dtype = 'float32' }) =>
    typeof value === 'number' && isWordType(dtype) ? makeFilled(backend, shape, value, dtype) : null,
  );
  registerPartialKernel('OneHot', (backend, { indices }, attrs) =>
    isWordType(attrs.dtype) ? oneHot(backend, indices, attrs, attrs.dtype) : null,
  );
}
