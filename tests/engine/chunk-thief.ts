// A thread that is not one of the pool: it takes a chunk of a job, as a worker would, and never does it.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** Words of the control block (src/engine/assembly/shared/threads.ts). */
const word = 64;
const failed = 512;

const source = `
const { parentPort, workerData } = require('node:worker_threads');
const word = new BigUint64Array(workerData.memory.buffer, ${word}, 1);
const failed = new Int32Array(workerData.memory.buffer, ${failed}, 1);
parentPort.postMessage('ready');
for (;;) {
  const job = Atomics.load(word, 0);
  const [next, chunks] = [job & 0xfffffn, (job >> 20n) & 0xfffffn];
  if (next < chunks && Atomics.compareExchange(word, 0, job, job + 1n) === job) break;
}
if (workerData.trap) Atomics.store(failed, 0, 1);
`;

/**
 * Starts it; `trap`: it says what a worker says that traps, otherwise nothing. Jobs must be run until one is short of a
 * chunk; what is returned ends it, if it has not taken one.
 */
export async function startThief(memory: WebAssembly.Memory, trap: boolean): Promise<() => Promise<unknown>> {
  const worker = new Worker(source, { eval: true, workerData: { memory, trap } });
  worker.unref();
  await once(worker, 'message');
  return () => worker.terminate();
}
