// The kernels of TF.js itself that a training step runs between the fused ones.

import { registerBinary } from './elementwise-binary.ts';
import { registerUnary } from './elementwise-unary.ts';
import { registerMove } from './move.ts';
import { registerFill } from './move-fill.ts';
import { registerReduce } from './reduce.ts';

/** Registers them. */
export function registerStandard(): void {
  registerBinary();
  registerUnary();
  registerReduce();
  registerMove();
  registerFill();
}
