import { linearOp } from '../../ops/linear.ts';
import { nowhere } from '../address.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

/** Registers a product whose gradients are made together. Shapes: x [N, I], weight [O, I] -> [N, O]. */
export function registerLinear(): void {
  registerEngineOp(linearOp, {
    forward: (backend, { x, weight }, { sizes: { N, I, O } }) => {
      const y = backend.output([N, O]);
      const at = backend.address;
      backend.exports.gemm(at(x), at(weight), at(y), 1, N, O, I, false, true, 0, 0, false, nowhere, 0, nowhere);
      return { y };
    },
    gradient: (backend, { x, weight }, { sizes: { N, I, O }, dys }) => {
      const [dx, dWeight] = [backend.output([N, I]), backend.output([O, I])];
      const at = backend.address;
      withWorkspace(backend, [backend.exports.packedLength(N, O)], (packed) => {
        backend.exports.linearGrad(at(x), at(weight), at(dys.y), at(dx), at(dWeight), N, I, O, packed);
      });
      return { x: dx, weight: dWeight };
    },
  });
}
