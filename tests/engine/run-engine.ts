// Runs a script in a Node of its own, on the compiled engine: how a process ends can only be seen from outside.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const dist = pathToFileURL(resolve(import.meta.dirname, '../../dist'));

export interface Ended {
  /** Exit code; null if it did not end by itself. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const prelude = (options: string) => `
import '${dist}/node.js';
import { activateBackend } from '${dist}/backends/backends.js';
import { runningEngine } from '${dist}/engine/engine.js';
import { tf } from '${dist}/tensor/tf.js';
const active = await activateBackend('engine', ${options});
const { pool, heap, variant } = runningEngine();
while (pool.ready < pool.threads) await new Promise((resolve) => setTimeout(resolve, 5));
const multiply = () => tf.tidy(() => tf.matMul(tf.ones([200, 300]), tf.ones([300, 100])).dataSync()[777]);
if (multiply() !== 300) throw new Error('wrong product');
`;

/** Starts the engine with `options` (JavaScript), multiplies, and runs `script`; killed if it has no end. */
export async function runEngine(options: string, script: string, node = process.execPath): Promise<Ended> {
  const child = spawn(node, ['--input-type=module', '--eval', prelude(options) + script], { timeout: 300_000 });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
