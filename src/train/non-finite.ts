// NaN and infinity: finds the tensor that has them, and makes the error for the user.

import { UserError } from '../errors.ts';
import type { tf } from '../tensor/tf.ts';

/** A description of the first tensor with a value that is not finite; null if there is none. */
export async function firstNonFinite(kind: string, tensors: ReadonlyMap<string, tf.Tensor>): Promise<string | null> {
  for (const [name, tensor] of tensors) {
    const values = await tensor.data();
    const index = values.findIndex((value) => !Number.isFinite(value));
    if (index >= 0) return `${kind} ${name} [${tensor.shape.join(', ')}] has ${values[index]} at element ${index}`;
  }
  return null;
}

/**
 * The error for a step that cannot be taken. It checks weights first, since a weight that is not finite spoils every
 * gradient.
 *
 * `step` counts from 1; the weights are still those of the step before it.
 */
export async function nonFiniteError(
  step: number,
  loss: number,
  weights: ReadonlyMap<string, tf.Tensor>,
  gradients: ReadonlyMap<string, tf.Tensor>,
): Promise<UserError> {
  const culprit = (await firstNonFinite('the weight', weights)) ?? (await firstNonFinite('the gradient of', gradients));
  return notFiniteError(step, loss, culprit);
}

/** The same for a culprit that was found, or null where there is none. */
export function notFiniteError(step: number, loss: number, culprit: string | null): UserError {
  return new UserError(
    `training: expected finite numbers, found loss ${loss} at step ${step}: ` +
      `${culprit ?? 'all weights and gradients are finite one by one, but too large together'}; ` +
      'start again with a lower learningRate, a longer warmupFraction or maxGradNorm 1',
  );
}
