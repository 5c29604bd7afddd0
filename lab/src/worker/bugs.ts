// Known bugs that cause no error in training, to be built into a run.

import type { LearnerParts } from 'tinyseek/core';
import { knownBugs } from 'tinyseek/more';

/**
 * The parts of the learner that a run with these bugs has. Of two bugs in the same part, such as the router, the last
 * one counts.
 */
export async function partsOf(names: readonly string[]): Promise<LearnerParts> {
  const found = Object.entries(knownBugs).filter(([name]) => names.includes(name));
  const all = await Promise.all(found.map(([, activate]) => activate()));
  const own = all.map(({ parts = {} }) => parts);
  return { ...Object.assign({}, ...own), model: Object.assign({}, ...own.map(({ model }) => model)) };
}
