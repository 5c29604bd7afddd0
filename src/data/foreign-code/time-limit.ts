// Ends what a stranger's code computes, loops and regular expressions included, after so many seconds.

import { Script } from 'node:vm';

/** The time is up. */
export class TimeUp extends Error {
  override name = 'TimeUp';
}

let action: () => unknown = () => null;
Reflect.set(globalThis, Symbol.for('tinyseek.limited'), () => action());
const script = new Script("globalThis[Symbol.for('tinyseek.limited')]()");

/**
 * What `work` returns. It holds up this thread; Ctrl-C ends it too.
 *
 * @throws TimeUp, or what `work` throws
 */
export function withinSeconds<T>(seconds: number, work: () => T): T {
  let result: { readonly value: T } | null = null;
  action = () => {
    result = { value: work() };
  };
  try {
    script.runInThisContext({ timeout: Math.ceil(seconds * 1000), breakOnSigint: true });
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : null;
    if (code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') process.kill(process.pid, 'SIGINT');
    if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT' || code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') throw new TimeUp();
    throw error;
  } finally {
    action = () => null;
  }
  return result!.value;
}
