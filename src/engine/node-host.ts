// The engine in Node.

import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { binaryUrl } from './binary-url.ts';
import type { Host, WorkerData, WorkerHandle } from './host.ts';
import { workerSource } from './worker-source.ts';

/**
 * V8 optimises a function of WebAssembly after so many bytes of it have run, in place of some millions: kernels are loops,
 * and until then the first tokens of a process take several times as long.
 */
const tieringBudget = '--wasm-tiering-budget=100000';
/** The last version that is known to have it. */
const lastWithBudget = 26;

const revectorizer = '--experimental-wasm-revectorize';

/**
 * The flag for what V8 has but does not switch on: relaxed SIMD in Node 20 and 21, the revectorizer from Node 24 on,
 * where it was built in.
 *
 * An unknown flag prints an error, so only versions that are known to have one are asked.
 */
export function flagFor(version: string, arch: string, builtWith: Readonly<Record<string, unknown>>): string | null {
  const major = Number(version.split('.')[0]);
  if (major === 20 || major === 21) return '--experimental-wasm-relaxed-simd';
  const hasIt = arch === 'x64' && Boolean(builtWith.v8_enable_wasm_simd256_revec);
  return hasIt && major >= 24 && major <= 26 ? revectorizer : null;
}

function prepare(): boolean {
  const builtWith = process.config.variables as unknown as Record<string, unknown>;
  const flag = flagFor(process.versions.node, process.arch, builtWith);
  if (flag !== null) setFlagsFromString(flag);
  if (Number(process.versions.node.split('.')[0]) <= lastWithBudget) setFlagsFromString(tieringBudget);
  // x64 has 16 registers, which are wide enough with the revectorizer only; arm64 has 32.
  return flag === revectorizer || process.arch !== 'x64';
}

function startWorker(workerData: WorkerData): WorkerHandle {
  // Without the options of the process: what it preloads is not for these threads.
  const options = { eval: true, execArgv: [], name: `tinyseek-${workerData.index}` };
  const worker = new Worker(workerSource, { ...options, workerData });
  worker.unref(); // a process that has nothing else to do may end
  worker.on('error', () => {}); // what went wrong is told where it matters: in the join, or when it has ended
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  return { ended, terminate: () => void worker.terminate() };
}

export const nodeHost: Host = {
  cores: availableParallelism,
  startWorker,
  compile: async (name, shared) => WebAssembly.compile(await readFile(binaryUrl(name, shared))),
  prepare,
};
