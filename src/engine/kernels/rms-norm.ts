import { addRmsNormOp, rmsNormOp } from '../../ops/rms-norm.ts';
import { nowhere } from '../address.ts';
import { registerEngineOp } from './register.ts';

/** Registers RMSNorm, alone and after a sum, with their gradients. */
export function registerRmsNorm(): void {
  registerEngineOp(rmsNormOp, {
    forward: (backend, { x, weight }, { attrs: { eps }, sizes: { N, D } }) => {
      const [y, rstd] = [backend.output(x.shape), backend.output([N])];
      const at = backend.address;
      backend.exports.rmsNorm(at(x), nowhere, nowhere, at(weight), at(y), at(rstd), N, D, eps);
      return { y, rstd };
    },
    gradient: (backend, { x, weight }, { sizes: { N, D }, dys: { y: dy }, saved: { rstd } }) => {
      const [dx, dWeight] = [backend.output(x.shape), backend.output([D])];
      const at = backend.address;
      backend.exports.rmsNormGrad(at(x), at(weight), at(rstd), at(dy), nowhere, at(dx), at(dWeight), N, D);
      return { x: dx, weight: dWeight };
    },
  });
  registerEngineOp(addRmsNormOp, {
    forward: (backend, { x, residual, weight }, { attrs: { eps }, sizes: { N, D } }) => {
      const [sum, normed, rstd] = [backend.output(x.shape), backend.output(x.shape), backend.output([N])];
      const at = backend.address;
      const inputs = [at(x), at(residual), at(sum), at(weight)] as const;
      backend.exports.rmsNorm(...inputs, at(normed), at(rstd), N, D, eps);
      return { sum, normed, rstd };
    },
    gradient: (backend, { x, weight }, { sizes: { N, D }, dys, saved: { sum, rstd } }) => {
      const [dx, dWeight] = [backend.output(x.shape), backend.output([D])];
      const at = backend.address;
      const inputs = [at(sum), at(weight), at(rstd), at(dys.normed), at(dys.sum)] as const;
      backend.exports.rmsNormGrad(...inputs, at(dx), at(dWeight), N, D);
      return { x: dx, residual: dx, weight: dWeight };
    },
  });
}
