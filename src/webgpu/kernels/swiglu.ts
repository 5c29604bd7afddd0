import { swigluOp } from '../../ops/swiglu.ts';
import type { Program } from '../program.ts';
import { groupsOf, registerGpuOp } from './register.ts';

const forward: Program = {
  name: 'SwiGLU',
  tensors: { gate: 'f32', up: 'f32', y: 'f32' },
  numbers: { size: 'u32' },
  workgroupSize: 256,
  code: `  let i = group * 256u + lane;
  if (i < u.size) { y[i] = gate[i] / (1.0 + exp(-gate[i])) * up[i]; }`,
};

const gradient: Program = {
  name: 'SwiGLUGrad',
  tensors: { gate: 'f32', up: 'f32', dy: 'f32', dGate: 'f32', dUp: 'f32' },
  numbers: { size: 'u32' },
  workgroupSize: 256,
  code: `  let i = group * 256u + lane;
  if (i >= u.size) { return; }
  let sigmoid = 1.0 / (1.0 + exp(-gate[i]));
  dUp[i] = dy[i] * gate[i] * sigmoid;
  dGate[i] = dy[i] * up[i] * sigmoid * (1.0 + gate[i] * (1.0 - sigmoid));`,
};

/** Registers the activation and its gradient. */
export function registerSwiGlu(): void {
  registerGpuOp(swigluOp, {
    forward: (backend, { gate, up }, { sizes: { N, F } }) => {
      const y = backend.output([N, F]);
      backend.run(forward, { gate, up, y }, { size: N * F }, groupsOf(N * F, 256));
      return { y };
    },
    gradient: (backend, { gate, up }, { sizes: { N, F }, dys: { y: dy } }) => {
      const [dGate, dUp] = [backend.output([N, F]), backend.output([N, F])];
      backend.run(gradient, { gate, up, dy, dGate, dUp }, { size: N * F }, groupsOf(N * F, 256));
      return { gate: dGate, up: dUp };
    },
  });
}
