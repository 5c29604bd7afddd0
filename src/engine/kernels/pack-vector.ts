import { packVectorOp } from '../../ops/pack-vector.ts';
import { plus } from '../address.ts';
import { registerEngineListOp, sizeOf } from './register.ts';

/** Registers PackVector: a step's report is dozens of tensors of a few numbers each, too small for threads. */
export function registerPackVector(): void {
  registerEngineListOp(packVectorOp, (backend, _, items) => {
    const vector = backend.output([items.reduce((length, { tensor }) => length + sizeOf(tensor.shape), 0)]);
    let at = backend.address(vector);
    for (const { tensor } of items) {
      const size = sizeOf(tensor.shape);
      backend.exports.copyWords(backend.address(tensor), at, size);
      at = plus(at, size * 4);
    }
    return { vector };
  });
}
