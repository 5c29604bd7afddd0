import { registerEngineKernel, sizeOf } from './register.ts';

/** Registers RMSNorm and its gradient; what it saves is 1 / root mean square of each row. */
export function registerRmsNorm(): void {
  registerEngineKernel('RMSNorm', (backend, { x, weight }, attrs) => {
    const width = x!.shape.at(-1)!;
    const rows = sizeOf(x!.shape) / width;
    const [y, rstd] = [backend.output(x!.shape), backend.output([rows])];
    const at = backend.address;
    backend.exports.rmsNorm!(at(x!), at(weight!), at(y), at(rstd), rows, width, Number(attrs.eps));
    return [y, rstd];
  });
  registerEngineKernel('RMSNormGrad', (backend, { x, weight, dy0, saved0: rstd }) => {
    const width = x!.shape.at(-1)!;
    const rows = sizeOf(x!.shape) / width;
    const [dx, dWeight] = [backend.output(x!.shape), backend.output(weight!.shape)];
    const at = backend.address;
    backend.exports.rmsNormGrad!(at(x!), at(weight!), at(rstd!), at(dy0!), at(dx), at(dWeight), rows, width);
    return [dx, dWeight];
  });
}
