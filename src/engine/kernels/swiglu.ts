import { swigluOp } from '../../ops/swiglu.ts';
import { registerEngineOp } from './register.ts';

/** Registers SwiGLU and its gradient. */
export function registerSwiGlu(): void {
  registerEngineOp(swigluOp, {
    forward: (backend, { gate, up }, { sizes: { N, F } }) => {
      const y = backend.output([N, F]);
      const at = backend.address;
      backend.exports.swiglu(at(gate), at(up), at(y), N * F);
      return { y };
    },
    gradient: (backend, { gate, up }, { sizes: { N, F }, dys: { y: dy } }) => {
      const [dGate, dUp] = [backend.output([N, F]), backend.output([N, F])];
      const at = backend.address;
      backend.exports.swigluGrad(at(gate), at(up), at(dy), at(dGate), at(dUp), N * F);
      return { gate: dGate, up: dUp };
    },
  });
}
