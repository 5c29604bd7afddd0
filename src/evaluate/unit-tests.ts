// Programs as answers: right is one that passes its tests, which run where it can do no harm.

import { host } from '../data/host.ts';

/** A call and what it must return. */
export interface UnitTest {
  readonly args: readonly unknown[];
  readonly result: unknown;
}

/**
 * Whether a function, as JavaScript, returns what every test says. One that throws, does not come to an end, or asks
 * for more than the language itself, fails.
 *
 * Source: rule-based rewards of arXiv:2412.19437 section 5.2.1, "for LeetCode problems, a compiler to generate feedback
 * based on test cases".
 */
export async function passesTests(source: string, tests: readonly UnitTest[]): Promise<boolean> {
  const returned = await host().runProgram({ source, calls: tests.map(({ args }) => args) });
  return returned !== null && tests.every(({ result }, i) => returned[i] === JSON.stringify(result));
}
