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
}
