import type { tf } from '../../tensor/tf.ts';
import type { EngineBackend } from '../backend.ts';
import { registerEngineKernel, sizeOf } from './register.ts';

interface Rotation {
  readonly x: tf.TensorInfo;
  readonly cos: tf.TensorInfo;
  readonly sin: tf.TensorInfo;
  readonly partner: tf.TensorInfo;
}

/** Channels turned by their position, or, for the gradient, turned back. */
function rotate(backend: EngineBackend, { x, cos, sin, partner }: Rotation, direction: 1 | -1): tf.TensorInfo {
  const [B, T, H, W] = x.shape as [number, number, number, number];
  const R = partner.shape[0]!;
  if (cos.shape[0]! < T) throw new Error(`applyRotary: ${T} positions, but the tables have only ${cos.shape[0]}`);
  const y = backend.output(x.shape);
  if (sizeOf(x.shape) === 0) return y;
  const at = backend.address;
  backend.exports.applyRotary!(at(x), at(cos), at(sin), at(y), at(partner), B * T, T, H, W, R, direction);
  return y;
}

/** Registers the rotary embedding and its gradient, the inverse rotation. */
export function registerRotary(): void {
  registerEngineKernel('ApplyRotary', (backend, { x, cos, sin, partner }) =>
    rotate(backend, { x: x!, cos: cos!, sin: sin!, partner: partner! }, 1),
  );
  registerEngineKernel('ApplyRotaryGrad', (backend, { dy0, cos, sin, partner }) =>
    rotate(backend, { x: dy0!, cos: cos!, sin: sin!, partner: partner! }, -1),
  );
}
