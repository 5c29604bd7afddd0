import { registerEngineKernel, sizeOf } from './register.ts';

/** Registers SwiGLU and its gradient. */
export function registerSwiGlu(): void {
  registerEngineKernel('SwiGLU', (backend, { gate, up }) => {
    const y = backend.output(gate!.shape);
    const at = backend.address;
    backend.exports.swiglu!(at(gate!), at(up!), at(y), sizeOf(gate!.shape));
    return y;
  });
  registerEngineKernel('SwiGLUGrad', (backend, { gate, up, dy0 }) => {
    const [dGate, dUp] = [backend.output(gate!.shape), backend.output(up!.shape)];
    const at = backend.address;
    backend.exports.swigluGrad!(at(gate!), at(up!), at(dy0!), at(dGate), at(dUp), sizeOf(gate!.shape));
    return [dGate, dUp];
  });
}
