import { registerEngineKernel, sizeOf } from './register.ts';

/** Registers PackVector: a step's report is dozens of tensors of a few numbers each, too small for threads. */
export function registerPackVector(): void {
  registerEngineKernel('PackVector', (backend, inputs) => {
    const tensors = Object.values(inputs);
    const out = backend.output([tensors.reduce((length, { shape }) => length + sizeOf(shape), 0)]);
    let at = backend.address(out);
    for (const tensor of tensors) {
      const size = sizeOf(tensor.shape);
      backend.exports.copyWords!(backend.address(tensor), at, size);
      at += size * 4;
    }
    return out;
  });
}
