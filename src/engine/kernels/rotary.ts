// Shape legend: B batch, T tokens, H heads, W channels of a head, R rotary channels of it (the last ones).

import type { Operands, SizesOf } from '../../ops/define-op.ts';
import { applyRotaryOp } from '../../ops/rotary.ts';
import type { tf } from '../../tensor/tf.ts';
import type { EngineBackend } from '../backend.ts';
import { registerEngineOp } from './register.ts';

type Spec = (typeof applyRotaryOp)['spec'];

/** Channels of `x` turned by their position, or, for the gradient, turned back. */
function rotate(
  backend: EngineBackend,
  { x, cos, sin, partner }: Operands<Spec['inputs']>,
  { B, T, H, W, R, L }: SizesOf<Spec>,
  direction: 1 | -1,
): tf.TensorInfo {
  if (L < T) throw new Error(`applyRotary: ${T} positions, but the tables have only ${L}`);
  const y = backend.output(x.shape);
  if (B * T * H * W === 0) return y;
  const at = backend.address;
  backend.exports.applyRotary(at(x), at(cos), at(sin), at(y), at(partner), B * T, T, H, W, R, direction);
  return y;
}

/** Registers the rotary embedding and its gradient, the inverse rotation. */
export function registerRotary(): void {
  registerEngineOp(applyRotaryOp, {
    forward: (backend, inputs, { sizes }) => ({ y: rotate(backend, inputs, sizes, 1) }),
    gradient: (backend, inputs, { sizes, dys }) => ({ x: rotate(backend, { ...inputs, x: dys.y }, sizes, -1) }),
  });
}
