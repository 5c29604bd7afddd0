// `npm run bench:rollouts`: a batch of sampled answers with their log probabilities, here by `sampleBatch` against
// transformers' `generate`, with the same model folder, on this machine, taking turns.
//
//   npm run bench:rollouts -- --rounds 3 --preset peer-a

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../src/bench/timing.ts';
import { type CommandLine, parseRounds, runJson } from './child.ts';
import { findPython } from './contenders.ts';
import { describeMachine, writeResults } from './machine.ts';
import type { RolloutResult } from './rollouts-own.ts';

/** How many times as many tokens per second as transformers are asked for. */
const bar = 10;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    preset: { type: 'string', default: 'miniature' },
    threads: { type: 'string' },
  },
});
const rounds = parseRounds(values.rounds);
const threads = values.threads ?? '2';
const python = findPython();
if (python === null)
  console.error('!! NO PYTHON WITH torch AND transformers (TINYSEEK_PYTHON): ONLY TINYSEEK IS MEASURED');

const folder = mkdtempSync(join(tmpdir(), 'tinyseek-rollouts-'));
const script = (name: string) => join(import.meta.dirname, name);
const common = ['--model', join(folder, 'model'), '--threads', threads];
const ours: CommandLine = [process.execPath, script('rollouts-own.ts'), ...common, '--preset', values.preset];
const theirs = (program: string): CommandLine => [program, script('pytorch_rollouts.py'), ...common];

const own: RolloutResult[] = [];
const peer: RolloutResult[] = [];
try {
  for (let round = 1; round <= rounds; round++) {
    const result = await runJson<RolloutResult>(ours);
    if (result === null) throw new Error('tinyseek did not run');
    own.push(result);
    const other = python === null ? null : await runJson<RolloutResult>(theirs(python));
    if (other !== null) peer.push(other);
    const speeds = [result, ...(other === null ? [] : [other])].map(({ tokensPerSecond }) =>
      tokensPerSecond.toFixed(0),
    );
    console.error(`round ${round}: ${speeds.join(' and ')} tokens/s`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const middle = (results: readonly RolloutResult[], key: keyof RolloutResult) =>
  median(results.map((result) => result[key]));
const { processor, cores, node } = describeMachine();
console.log(
  `${processor}, ${cores} cores, Node ${node}, ${values.preset}, ${threads} threads, median of ${rounds} rounds`,
);
for (const [key, unit] of [
  ['tokensPerSecond', 'tokens/s'],
  ['tokensPerCpuSecond', 'tokens/s of processor time'],
] as const) {
  console.log(`tinyseek      ${middle(own, key).toFixed(0)} ${unit}`);
  if (peer.length === 0) continue;
  const ratio = middle(own, key) / middle(peer, key);
  console.log(`transformers  ${middle(peer, key).toFixed(0)} ${unit}`);
  console.log(`ratio         ${ratio.toFixed(1)}x, ${ratio >= bar ? 'passes' : 'MISSES'} ${bar}x`);
}
console.log(
  `\nWritten to ${writeResults('rollouts', { rounds, threads, preset: values.preset, own, transformers: peer })}`,
);
