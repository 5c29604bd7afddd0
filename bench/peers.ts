// `npm run bench:peers`: a training step here against PyTorch and against TF.js's own backends, on this machine.
//
//   npm run bench:peers -- --rounds 3 --sizes s,a,b
//
// Contenders take turns, each in a process of its own: every round runs each of them once, so that a machine that is
// slow for a while is slow for all. What counts is the median over the rounds of each process's median step.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../src/bench/timing.ts';
import type { OpsBench } from '../src/bench/ops.ts';
import { formatTable } from '../src/cli/terminal/table.ts';
import { parseRounds, runJson, type StepResult, tinyseek } from './child.ts';
import { type Contender, contenders, findPython, leanNames, ours, type Size, sizes, threads } from './contenders.ts';
import { describeMachine, writeResults } from './machine.ts';

/** Results of one contender at one size, one for each round that it took part in and ended. */
type Results = ReadonlyMap<Contender, StepResult[]>;

interface Summary {
  readonly name: string;
  readonly msPerStep: number;
  readonly peakMemoryBytes: number;
  readonly parameters: number;
  /** How many times as long as ours a step takes, and what was asked for. */
  readonly ratio: number;
  readonly bar: number | null;
}

function parseOptions(): { rounds: number; chosen: readonly Size[] } {
  const { values } = parseArgs({ options: { rounds: { type: 'string' }, sizes: { type: 'string' } } });
  const names = values.sizes?.split(',') ?? sizes;
  const chosen = sizes.filter((size) => names.includes(size));
  if (chosen.length !== names.length) throw new Error(`--sizes: expected some of ${sizes.join(',')}`);
  return { rounds: parseRounds(values.rounds), chosen };
}

/** One round of one size: every contender once. */
async function playRound(size: Size, round: number, results: Results): Promise<void> {
  for (const [contender, found] of results) {
    if (contender.onceAt !== undefined && (round > 1 || contender.onceAt !== size)) continue;
    const result = await runJson<StepResult>(contender.command(size));
    if (result === null) continue;
    found.push(result);
    console.error(`round ${round}, size ${size}, ${contender.name}: ${result.msPerStep.toFixed(2)} ms`);
  }
}

function summarize(size: Size, results: Results): Summary[] {
  const time = (found: readonly StepResult[]) => median(found.map(({ msPerStep }) => msPerStep));
  const own = time(results.get(ours) ?? []);
  return [...results].flatMap(([{ name, bar }, found]) => {
    if (found.length === 0) return [];
    const msPerStep = time(found);
    return {
      name,
      msPerStep,
      peakMemoryBytes: median(found.map(({ peakMemoryBytes }) => peakMemoryBytes)),
      parameters: found[0]!.parameters,
      ratio: msPerStep / own,
      bar: bar?.[size] ?? null,
    };
  });
}

/** Only the faster form of the lean model has a bar to pass. */
function withFastestLean(summaries: readonly Summary[]): Summary[] {
  const lean = summaries.filter(({ name }) => leanNames.includes(name));
  const fastest = Math.min(...lean.map(({ msPerStep }) => msPerStep));
  return summaries.map((summary) =>
    lean.includes(summary) && summary.msPerStep > fastest ? { ...summary, bar: null } : summary,
  );
}

function verdict({ ratio, bar }: Summary): string {
  if (bar === null) return '';
  return `${ratio >= bar ? 'passes' : 'MISSES'} ${bar}x`;
}

function printSize(size: Size, summaries: readonly Summary[], rounds: number): void {
  const own = summaries.find(({ name }) => name === ours.name);
  if (own === undefined) throw new Error(`size ${size}: tinyseek did not run`);
  const rows = summaries.map((summary) => [
    summary.name,
    `${summary.msPerStep.toFixed(2)} ms`,
    `${summary.ratio.toFixed(2)}x`,
    verdict(summary),
    `${(summary.peakMemoryBytes / 1e6).toFixed(0)} MB`,
    `${(summary.peakMemoryBytes / own.peakMemoryBytes).toFixed(2)}x`,
  ]);
  const header = ['', 'step', 'ratio', 'asked for', 'peak memory', 'ratio'];
  console.log(`\npeer-${size}, ${own.parameters} parameters, ${threads} threads, median of ${rounds} rounds\n`);
  console.log(formatTable([header, ...rows], Number.POSITIVE_INFINITY, [1, 2, 4, 5]).join('\n'));
  for (const { name, parameters } of summaries) {
    if (parameters !== own.parameters) console.log(`!! ${name} HAS ${parameters} PARAMETERS: not the same model`);
  }
}

/** A matrix product here and in jax-js, for information. */
async function compareProducts(): Promise<void> {
  const jax = await runJson<{ gflops: number } | null>([process.execPath, join(import.meta.dirname, 'jax-product.ts')]);
  if (jax === null) {
    console.log('\nProduct in jax-js: not measured; npm install --no-save @jax-js/jax brings it (Node 21 or newer)');
    return;
  }
  const here = await runJson<OpsBench>(tinyseek('bench', 'ops', '--threads', `${threads}`));
  const product = here?.ops.find(({ size, name }) => size === '960 x 128 x 576' && name === 'product A B');
  if (!product?.gflops) return;
  const ratio = (product.gflops / jax.gflops).toFixed(2);
  console.log(
    `\nProduct of 960 x 128 x 576: tinyseek ${product.gflops.toFixed(1)} GFLOP/s on ${threads} threads, ` +
      `jax-js ${jax.gflops.toFixed(1)} GFLOP/s on one (${ratio}x)`,
  );
}

const { rounds, chosen } = parseOptions();
const python = findPython();
if (python === null) {
  console.error(
    '!! NO PYTHON WITH torch AND transformers: PYTORCH IS NOT MEASURED\n' +
      '!! python3 -m venv .venv && .venv/bin/pip install torch transformers, or set TINYSEEK_PYTHON',
  );
}
const bySize = chosen.map((size) => {
  const results: Results = new Map(contenders(python).map((contender) => [contender, []]));
  return { size, results };
});
for (let round = 1; round <= rounds; round++) {
  for (const { size, results } of bySize) await playRound(size, round, results);
}
const { processor, cores, node } = describeMachine();
console.log(`${processor}, ${cores} cores, Node ${node}`);
const found = bySize.map(({ size, results }) => ({ size, summaries: withFastestLean(summarize(size, results)) }));
for (const { size, summaries } of found) printSize(size, summaries, rounds);
await compareProducts();
console.log(`\nWritten to ${writeResults('peers', { rounds, threads, sizes: found })}`);
