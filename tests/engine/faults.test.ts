// A process that uses the engine ends when its own work does, with the exit code it had in mind, and leaves no thread.

import { describe, expect, it } from 'vitest';
import { runEngine } from './run-engine.ts';

/** Waits until all threads sleep; the address is that of `SLEEPERS` in src/engine/assembly/shared/threads.ts. */
const sleep = `
const sleepers = new Int32Array(heap.memory.buffer, 256, 1);
while (Atomics.load(sleepers, 0) < pool.threads - 1) await new Promise((resolve) => setTimeout(resolve, 5));`;

interface Ending {
  readonly title: string;
  readonly script: string;
  readonly code: number;
  readonly says?: string;
}

const endings: readonly Ending[] = [
  { title: 'has nothing more to do', script: 'console.log("done")', code: 0 },
  { title: 'has nothing more to do, its threads asleep', script: `${sleep} console.log("done")`, code: 0 },
  { title: 'throws', script: 'console.log("done"); throw new Error("my own")', code: 1, says: 'my own' },
  {
    title: 'rejects a promise',
    script: 'console.log("done"); void Promise.reject(new Error("my own"))',
    code: 1,
    says: 'my own',
  },
  { title: 'calls process.exit', script: 'process.stdout.write("done", () => process.exit(3))', code: 3 },
  {
    title: 'calls process.exit, its threads asleep',
    script: `${sleep} process.stdout.write("done", () => process.exit(3))`,
    code: 3,
  },
  {
    title: 'stops the threads at its top level',
    script: `
      await activateBackend('engine', { threads: 1 });
      await activateBackend('engine', { threads: 3 });
      await activateBackend('engine', { threads: 2 });
      multiply();
      console.log('done');`,
    code: 0,
  },
  {
    title: 'has more to do than memory for it',
    script: `
      console.log('done');
      const column = tf.ones([65536, 1]);
      tf.matMul(column, column, false, true);`,
    code: 1,
    says: 'engine memory: 16384 MiB do not fit',
  },
];

describe('a process with four threads', () => {
  it.each(endings)('ends when it $title', async ({ script, code, says = '' }) => {
    const ended = await runEngine('{ threads: 4 }', script);
    expect(ended.stdout).toContain('done');
    expect(ended.stderr).toContain(says);
    if (says === '') expect(ended.stderr).toBe('');
    expect(ended.code).toBe(code);
  });
});
