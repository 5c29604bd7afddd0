import type { tf } from '../../tensor/tf.ts';
import { registerEngineKernel, sizeOf } from './register.ts';

/** Rows and their width. */
function sizesOf({ shape }: tf.TensorInfo): [rows: number, width: number] {
  const width = shape.at(-1)!;
  return [sizeOf(shape) / width, width];
}

/**
 * Registers RMSNorm and AddRMSNorm with their gradients; what they save is 1 / root mean square of each row, AddRMSNorm also
 * the sum, under a second name.
 */
export function registerRmsNorm(): void {
  registerEngineKernel('RMSNorm', (backend, { x, weight }, attrs) => {
    const [rows, width] = sizesOf(x!);
    const [y, rstd] = [backend.output(x!.shape), backend.output([rows])];
    const at = backend.address;
    backend.exports.rmsNorm!(at(x!), 0, 0, at(weight!), at(y), at(rstd), rows, width, Number(attrs.eps));
    return [y, rstd];
  });
  registerEngineKernel('RMSNormGrad', (backend, { x, weight, dy0, saved0: rstd }) => {
    const [rows, width] = sizesOf(x!);
    const [dx, dWeight] = [backend.output(x!.shape), backend.output(weight!.shape)];
    const at = backend.address;
    backend.exports.rmsNormGrad!(at(x!), at(weight!), at(rstd!), at(dy0!), 0, at(dx), at(dWeight), rows, width);
    return [dx, dWeight];
  });
  registerEngineKernel('AddRMSNorm', (backend, { x, residual, weight }, attrs) => {
    const [rows, width] = sizesOf(x!);
    const [sum, y, rstd] = [backend.output(x!.shape), backend.output(x!.shape), backend.output([rows])];
    const at = backend.address;
    const [inputs, outputs] = [
      [at(x!), at(residual!), at(sum), at(weight!)],
      [at(y), at(rstd)],
    ];
    backend.exports.rmsNorm!(...inputs, ...outputs, rows, width, Number(attrs.eps));
    backend.incRef(sum.dataId);
    return [sum, y, { ...sum }, rstd];
  });
  registerEngineKernel('AddRMSNormGrad', (backend, { weight, dy0: dSum, dy1: dy, saved0: sum, saved1: rstd }) => {
    const [rows, width] = sizesOf(sum!);
    const [dx, dWeight] = [backend.output(sum!.shape), backend.output(weight!.shape)];
    const at = backend.address;
    const inputs = [at(sum!), at(weight!), at(rstd!), at(dy!), at(dSum!)];
    backend.exports.rmsNormGrad!(...inputs, at(dx), at(dWeight), rows, width);
    backend.incRef(dx.dataId);
    return [dx, { ...dx }, dWeight];
  });
}
