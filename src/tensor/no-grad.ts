import { tf } from './tf.ts';

/**
 * Runs `f` without recording it for gradients: TF.js has no `stopGradient`, and its tape refuses TopK and integer
 * gathers even where no gradient is wanted. Inputs may be on the tape; results are constants.
 */
export function noGrad<T>(f: () => T): T {
  const state = tf.engine().state;
  const depth = state.gradientDepth;
  state.gradientDepth = 0;
  try {
    return f();
  } finally {
    state.gradientDepth = depth;
  }
}
