import { share } from './move-share.ts';
import { registerEngineKernel, withWorkspace } from './register.ts';

/** Registers Linear, a product whose gradients are made together. Shapes: x [N, I], weight [O, I] -> [N, O]. */
export function registerLinear(): void {
  registerEngineKernel('Linear', (backend, { x, weight }) => {
    const [N, I] = x!.shape as [number, number];
    const O = weight!.shape[0]!;
    const y = backend.output([N, O]);
    const at = backend.address;
    backend.exports.gemm!(at(x!), at(weight!), at(y), 1, N, O, I, 0, 1, 0, 0, 0, 0, 0, 0);
    return y;
  });
  registerEngineKernel('LinearGrad', (backend, { x, weight, dy0: dy }) => {
    const [N, I] = x!.shape as [number, number];
    const O = weight!.shape[0]!;
    const [dx, dWeight] = [backend.output([N, I]), backend.output([O, I])];
    const at = backend.address;
    withWorkspace(backend, [backend.exports.packedLength!(N, O)], ([packed]) => {
      backend.exports.linearGrad!(at(x!), at(weight!), at(dy!), at(dx), at(dWeight), N, I, O, packed!);
    });
    return [dx, dWeight];
  });
  registerEngineKernel('LinearGradInputs', (backend, { x, weight, dy0: dy }) => {
    const [N, I] = x!.shape as [number, number];
    const O = weight!.shape[0]!;
    const dx = backend.output([N, I]);
    const at = backend.address;
    backend.exports.gemm!(at(dy!), at(weight!), at(dx), 1, N, I, O, 0, 0, 0, 0, 0, 0, 0, 0);
    return [dx, share(backend, x!, x!.shape), share(backend, dy!, dy!.shape)];
  });
  registerEngineKernel('LinearGradWeights', (backend, { kept0: x, kept1: dy }) => {
    const [N, I] = x!.shape as [number, number];
    const O = dy!.shape[1]!;
    const dWeight = backend.output([O, I]);
    const at = backend.address;
    withWorkspace(backend, [backend.exports.gemmWorkspace!(1, O, N, 1, 0)], ([packed]) => {
      backend.exports.gemm!(at(dy!), at(x!), at(dWeight), 1, O, I, N, 1, 0, 0, 0, 0, 0, 0, packed!);
    });
    return dWeight;
  });
}
