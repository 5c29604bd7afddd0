import type { ModelConfig } from '../config/model-config.ts';
import { parameterShapes } from '../config/parameter-shapes.ts';
import { UserError } from '../errors.ts';

/** Most numbers in one tensor, and in all: 4 GiB and 16 GiB as float32. No backend holds more. */
const maxTensor = 2 ** 30;
const maxModel = 2 ** 32;

/**
 * Refuses a model that no memory holds, before any of it is taken.
 *
 * @throws UserError that names the largest tensor.
 */
export function refuseTooLarge(config: ModelConfig): void {
  const sizes = parameterShapes(config).map(({ name, shape }) => ({ name, size: shape.reduce((a, b) => a * b, 1) }));
  const total = sizes.reduce((sum, { size }) => sum + size, 0);
  const largest = sizes.reduce((most, tensor) => (tensor.size > most.size ? tensor : most));
  if (largest.size <= maxTensor && total <= maxModel) return;
  throw new UserError(
    `config: a model of ${total.toPrecision(3)} parameters (${largest.size.toPrecision(3)} in ${largest.name}) is more ` +
      'than there is room for; take smaller sizes',
  );
}
