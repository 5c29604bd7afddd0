// `npm run bench:generate`: greedy decoding here against transformers' `generate`, on this machine, taking turns.
//
//   npm run bench:generate -- --rounds 3 --size a

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../src/bench/timing.ts';
import { type CommandLine, parseRounds, runJson } from './child.ts';
import { findPython, sizes, threads } from './contenders.ts';
import type { GenerateResult, OwnResult } from './generate-protocol.ts';
import { describeMachine, writeResults } from './machine.ts';

/** How many times as many tokens per second as transformers are asked for. */
const bar = 20;

const { values } = parseArgs({ options: { rounds: { type: 'string' }, size: { type: 'string', default: 'a' } } });
const rounds = parseRounds(values.rounds);
const size = sizes.find((name) => name === values.size);
if (size === undefined) throw new Error(`--size: expected one of ${sizes.join(', ')}`);
const python = findPython();
if (python === null)
  console.error('!! NO PYTHON WITH torch AND transformers (TINYSEEK_PYTHON): ONLY TINYSEEK IS MEASURED');

const script = (name: string) => join(import.meta.dirname, name);
const ours: CommandLine = [
  process.execPath,
  script('generate-own.ts'),
  ...['--preset', `peer-${size}`, '--threads', `${threads}`],
];
const theirs = (program: string): CommandLine => [
  program,
  script('pytorch_generate.py'),
  ...['--size', size, '--threads', `${threads}`],
];

const own: OwnResult[] = [];
const peer: GenerateResult[] = [];
for (let round = 1; round <= rounds; round++) {
  const result = await runJson<OwnResult>(ours);
  if (result === null) throw new Error('tinyseek did not run');
  own.push(result);
  const other = python === null ? null : await runJson<GenerateResult>(theirs(python));
  if (other !== null) peer.push(other);
  const speeds = [result, ...(other === null ? [] : [other])].map(({ tokensPerSecond }) => tokensPerSecond.toFixed(0));
  console.error(`round ${round}: ${speeds.join(' and ')} tokens/s`);
}

const middle = (pick: (result: OwnResult) => number) => median(own.map(pick));
const speed = middle(({ tokensPerSecond }) => tokensPerSecond);
const { processor, cores, node } = describeMachine();
console.log(
  `${processor}, ${cores} cores, Node ${node}, peer-${size}, batch 1, ${threads} threads, median of ${rounds} rounds`,
);
console.log(
  `tinyseek      ${speed.toFixed(0)} tokens/s, ${own[0]!.cacheBytesPerTokenAndLayer} bytes of cache a token and layer`,
);
if (peer.length > 0) {
  const other = median(peer.map(({ tokensPerSecond }) => tokensPerSecond));
  const ratio = speed / other;
  console.log(`transformers  ${other.toFixed(0)} tokens/s`);
  console.log(`ratio         ${ratio.toFixed(1)}x, ${ratio >= bar ? 'passes' : 'MISSES'} ${bar}x`);
}
const one = middle(({ passMicroseconds }) => passMicroseconds[0]!);
for (const i of [0, 1, 2, 3]) {
  const time = middle(({ passMicroseconds }) => passMicroseconds[i]!);
  console.log(`a pass of ${i + 1}   ${time.toFixed(0)} us, ${(time / one).toFixed(2)} of a pass of 1`);
}
for (const [name, key] of [
  ['after 1 token', 'afterOneToken'],
  ['after 2 tokens', 'afterTwoTokens'],
  ['recycled', 'recycled'],
] as const) {
  const time = middle(({ draftMicroseconds }) => draftMicroseconds[key]);
  console.log(`a draft ${name}: ${time.toFixed(0)} us, ${(time / one).toFixed(2)} of a pass of 1`);
}
console.log(`\nWritten to ${writeResults('generate', { rounds, threads, size, own, transformers: peer })}`);
