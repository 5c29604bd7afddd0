// A limit of time for rewards, in Node: a verifier or a reward of somebody else's that never returns must not hold up
// the run for ever.

import { TimeUp, withinSeconds } from '../../data/foreign-code/time-limit.ts';
import { UserError } from '../../errors.ts';
import type { TimeLimit } from './reward.ts';

/**
 * Limits what the answers of a step compute together, loops included, and what each of them waits for.
 *
 * @throws {UserError} at the limit.
 */
export function limitOfSeconds(seconds: number): TimeLimit {
  const tooLong = (what: () => string) =>
    new UserError(`${what()} took more than ${seconds} seconds; make it end, or count such an answer as wrong`);
  return {
    compute: (what, work) => {
      try {
        return withinSeconds(seconds, work);
      } catch (error) {
        throw error instanceof TimeUp ? tooLong(what) : error;
      }
    },
    wait: async (what, waiting) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const timeIsUp = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(tooLong(what)), seconds * 1000);
      });
      try {
        return await Promise.race([waiting, timeIsUp]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
