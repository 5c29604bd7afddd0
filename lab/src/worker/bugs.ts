// Known bugs that cause no error in training, to be built into a run.

import type { LearnerParts } from 'tinyseek/core';

/** The parts of the learner that a run with these bugs has. */
export async function partsOf(_names: readonly string[]): Promise<LearnerParts> {
  return {};
}
