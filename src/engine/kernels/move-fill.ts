// Fill, ZerosLike, OnesLike and OneHot: tensors made of one or two numbers.

import type { tf } from '../../tensor/tf.ts';
import type { EngineBackend } from '../backend.ts';
import { bitsOf } from './move-share.ts';
import { cpuKernel, type EngineKernel, registerEngineKernel, sizeOf } from './register.ts';

type WordType = 'float32' | 'int32';

const isWordType = (dtype: unknown): dtype is WordType => dtype === 'float32' || dtype === 'int32';

function makeFilled(backend: EngineBackend, shape: readonly number[], value: number, dtype: WordType): tf.TensorInfo {
  const out = backend.output(shape, dtype);
  backend.exports.fill!(backend.address(out), sizeOf(shape), bitsOf(value, dtype));
  return out;
}

/** `depth` numbers for each index, all `offValue` but one; an index that is out of range has none. */
function oneHot(backend: EngineBackend, indices: tf.TensorInfo, attrs: Readonly<Record<string, unknown>>) {
  const depth = Number(attrs.depth);
  const out = makeFilled(backend, [...indices.shape, depth], Number(attrs.offValue), attrs.dtype as WordType);
  const ids = backend.view(indices);
  const values = backend.view(out);
  const onValue = Number(attrs.onValue);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (id >= 0 && id < depth) values[i * depth + id] = onValue;
  }
  return out;
}

/** Registers them; other types are left to the cpu kernels. */
export function registerFill(): void {
  for (const [name, value] of [['ZerosLike', 0] as const, ['OnesLike', 1] as const]) {
    const fallback = cpuKernel(name);
    registerEngineKernel(name, (backend, inputs, attrs) => {
      const { shape, dtype } = inputs.x!;
      return isWordType(dtype) ? makeFilled(backend, shape, value, dtype) : fallback(backend, inputs, attrs);
    });
  }
  const cpuFill = cpuKernel('Fill');
  const fill: EngineKernel = (backend, inputs, attrs) => {
    const { shape, value } = attrs;
    const dtype = attrs.dtype ?? 'float32';
    return typeof value === 'number' && isWordType(dtype)
      ? makeFilled(backend, shape as number[], value, dtype)
      : cpuFill(backend, inputs, attrs);
  };
  const cpuOneHot = cpuKernel('OneHot');
  registerEngineKernel('Fill', fill);
  registerEngineKernel('OneHot', (backend, inputs, attrs) =>
    isWordType(attrs.dtype) ? oneHot(backend, inputs.indices!, attrs) : cpuOneHot(backend, inputs, attrs),
  );
}
