// How an active backend rounds: on the same backend, with the same rounding, a run gives the same bits.

import { type Rounding, roundingOf } from '../engine/variant-names.ts';
import type { ActiveBackend } from '../tensor/active-backend.ts';

export { type Rounding, roundings } from '../engine/variant-names.ts';

/** The rounding of the engine; undefined on other backends, which have one binary each. */
export function roundingOfBackend({ engineVariant }: ActiveBackend): Rounding | undefined {
  return engineVariant === null ? undefined : roundingOf(engineVariant);
}
