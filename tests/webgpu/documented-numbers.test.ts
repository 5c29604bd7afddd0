// The numbers of docs/webgpu.md are those that were measured (bench/results).

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { median } from '../../src/bench/timing.ts';

type BySize = Readonly<Record<'peer-s' | 'peer-a' | 'peer-b', number>>;

interface Measured {
  readonly before: BySize;
  readonly transformersEager: BySize;
  readonly cudaGraphDense: BySize;
  readonly gpuAlone: BySize;
  readonly rounds: Readonly<Record<keyof BySize, { readonly webgpu: number[]; readonly engine: number[] }>>;
  readonly expertsAtPeerA: Readonly<Record<string, number>>;
  readonly partsAtPeerA: Readonly<Record<string, number>>;
  readonly small: { readonly msPerStep: number; readonly gflops: number };
  readonly tiny: {
    readonly firstTenLargestRelative: number;
    readonly meanOfLast30: { readonly webgpu: number; readonly engine: number };
  };
}

const newest = readdirSync('bench/results')
  .filter((name) => name.endsWith('-webgpu.json'))
  .sort()
  .at(-1)!;
const measured = JSON.parse(readFileSync(`bench/results/${newest}`, 'utf8')) as Measured;
const page = readFileSync('docs/webgpu.md', 'utf8');
const text = page.replaceAll(/\s+/g, ' ');
const sizes = ['peer-s', 'peer-a', 'peer-b'] as const;

const row = (name: string) => page.split('\n').find((line) => line.startsWith(`| ${name} |`)) ?? `no row ${name}`;
const cells = (values: readonly number[], digits: number) => `${values.map((x) => x.toFixed(digits)).join(' | ')} |`;

describe('docs/webgpu.md', () => {
  it('has the table that was measured', () => {
    const medians = (backend: 'webgpu' | 'engine') => sizes.map((size) => median(measured.rounds[size][backend]));
    const of = (values: BySize) => sizes.map((size) => values[size]);
    expect(row('`--backend webgpu`')).toContain(cells(medians('webgpu'), 1));
    expect(row('`--backend engine`, 16 threads')).toContain(cells(medians('engine'), 1));
    expect(row("the same, the GPU's part alone")).toContain(cells(of(measured.gpuAlone), 1));
    expect(row('`--backend webgpu` before these kernels')).toContain(cells(of(measured.before), 0));
    expect(row('transformers, eager, CUDA, the same card')).toContain(cells(of(measured.transformersEager), 1));
    const graph = row('PyTorch with dense experts in one CUDA graph, the same card');
    expect(graph).toContain(cells(of(measured.cudaGraphDense), 1));
  });

  it('has the other numbers', () => {
    const { expertsAtPeerA: experts, small, tiny, partsAtPeerA } = measured;
    const [first, second, third, fourth, fifth] = Object.values(experts).map((ms) => ms.toFixed(1));
    expect(text).toContain(`took ${first}, ${second}, ${third}, ${fourth} and ${fifth} ms`);
    expect(text).toContain(
      `takes ${small.msPerStep.toFixed(0)} ms a step, which is ${(small.gflops / 1e3).toFixed(1)} TFLOP/s`,
    );
    expect(text).toContain(`within ${tiny.firstTenLargestRelative}`);
    const { webgpu, engine } = tiny.meanOfLast30;
    expect(text).toContain(`the last 30 is ${webgpu.toFixed(4)}, where the engine's is ${engine.toFixed(4)}`);
    for (const [part, ms] of Object.entries(partsAtPeerA)) expect(row(part)).toBe(`| ${part} | ${ms.toFixed(2)} |`);
  });
});
