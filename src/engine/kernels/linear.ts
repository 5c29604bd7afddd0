import { linearOp } from '../../ops/linear.ts';
import { nowhere } from '../address.ts';
import { share } from './move-share.ts';
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
    gradientInputs: (backend, { x, weight }, { sizes: { N, I, O }, dys: { y: dy } }) => {
      const dx = backend.output([N, I]);
      const at = backend.address;
      backend.exports.gemm(at(dy), at(weight), at(dx), 1, N, I, O, false, false, 0, 0, false, nowhere, 0, nowhere);
      return { gradients: { x: dx }, kept: { x: share(backend, x, x.shape), dy: share(backend, dy, dy.shape) } };
    },
    gradientWeights: (backend, { x, dy }, { sizes: { N, I, O } }) => {
      const dWeight = backend.output([O, I]);
      const at = backend.address;
      withWorkspace(backend, [backend.exports.gemmWorkspace(1, O, N, true, 0)], (packed) => {
        backend.exports.gemm(at(dy), at(x), at(dWeight), 1, O, I, N, true, false, 0, 0, false, nowhere, 0, packed);
      });
      return { weight: dWeight };
    },
  });
}
