import { registerEngineKernel, sizeOf } from './register.ts';

/** Registers PackVector: a step's report is dozens of tensors of a few numbers each, too small for threads. */
export function registerPackVector(): void {
  registerEngineKernel('PackVector', (backend, inputs) => {
    const tensors = Object.values(inputs);
    const out = backend.output([tensors.reduce((length, { shape }) => length + sizeOf(shape), 0)]);
    const values = backend.view(out);
    let at = 0;
    for (const tensor of tensors) {
      const part = backend.view(tensor);
      values.set(part, at);
      at += part.length;
    }
    return out;
  });
}
