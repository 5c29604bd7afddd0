// Shape legend: B batch, T tokens, H heads, W channels of a head, R rotary channels of it (the last ones).

import { applyRotaryOp } from '../../ops/rotary.ts';
import type { Program } from '../program.ts';
import { groupsOf, registerGpuOp } from './register.ts';

/** An invocation for each element; the gradient turns the other way, through the transpose of `partner`. */
const rotary = (isGradient: boolean): Program => ({
  name: isGradient ? 'ApplyRotaryGrad' : 'ApplyRotary',
  tensors: { x: 'f32', cosines: 'f32', sines: 'f32', partner: 'f32', y: 'f32' },
  numbers: { size: 'u32', T: 'u32', H: 'u32', W: 'u32', R: 'u32' },
  workgroupSize: 256,
  code: `  let i = group * 256u + lane;
  if (i >= u.size) { return; }
  let channel = i % u.W;
  let plain = u.W - u.R;
  if (channel < plain) { y[i] = x[i]; return; }
  let head = i - channel + plain;
  let c = channel - plain;
  let position = (i / (u.W * u.H)) % u.T;
  var turned = 0.0;
  for (var k = 0u; k < u.R; k++) {
    ${
      isGradient
        ? 'turned += x[head + k] * sines[position * u.R + k] * partner[c * u.R + k];'
        : 'turned += x[head + k] * partner[k * u.R + c];'
    }
  }
  y[i] = x[i] * cosines[position * u.R + c] + turned${isGradient ? '' : ' * sines[position * u.R + c]'};`,
});

const [forward, gradient] = [rotary(false), rotary(true)];

/** Registers the rotation and its gradient. */
export function registerRotary(): void {
  registerGpuOp(applyRotaryOp, {
    forward: (backend, { x, cos, sin, partner }, { sizes: { B, T, H, W, R } }) => {
      const y = backend.output([B, T, H, W]);
      const size = B * T * H * W;
      const tensors = { x, cosines: cos, sines: sin, partner, y };
      backend.run(forward, tensors, { size, T, H, W, R }, groupsOf(size, 256));
      return { y };
    },
    gradient: (backend, { cos, sin, partner }, { sizes: { B, T, H, W, R }, dys }) => {
      const dx = backend.output([B, T, H, W]);
      const size = B * T * H * W;
      const tensors = { x: dys.y, cosines: cos, sines: sin, partner, y: dx };
      backend.run(gradient, tensors, { size, T, H, W, R }, groupsOf(size, 256));
      return { x: dx };
    },
  });
}
