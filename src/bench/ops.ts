// How fast the engine's kernels are, each by itself, and what they can be compared with.

import type { EngineBackend } from '../engine/backend.ts';
import { missingKernels, type OpCase, opCases, productCase } from './op-cases.ts';
import { timeCalls } from './timing.ts';

/** What was measured of a case. */
export interface OpBench extends Pick<OpCase, 'name' | 'size'> {
  readonly microseconds: number;
  readonly gflops: number | null;
  readonly gigabytesPerSecond: number | null;
}

/** Rows and depth of products whose matrices stay in the first-level cache. */
const cachedSizes = [
  [60, 128],
  [30, 128],
  [120, 64],
] as const;

/** What a case comes to at `seconds` a run. */
export function rateOf({ name, size, flops, bytes }: OpCase, seconds: number): OpBench {
  return {
    name,
    size,
    microseconds: seconds * 1e6,
    gflops: flops === null ? null : flops / seconds / 1e9,
    gigabytesPerSecond: bytes === null ? null : bytes / seconds / 1e9,
  };
}

/** Microseconds that it takes to hand two empty chunks to the threads and to wait for them. */
export function forkJoinMicroseconds(backend: EngineBackend): number {
  return timeCalls(() => backend.exports.emptyJob(2)).median * 1e6;
}

/** Columns of the matrix tile, which the name of a variant ends with. */
const tileColumns = ({ variant }: EngineBackend) => Number(variant.name.split('x').at(-1));

/**
 * GFLOP/s that the micro-kernel reaches on one thread where memory does not matter: the best of a few small products.
 * Each is as wide as the tile, so it is one piece of work, which the calling thread does itself.
 */
export function cachedGflops(backend: EngineBackend): number {
  const rates = cachedSizes.map(([m, k]) => {
    const op = productCase(backend, [m, k, tileColumns(backend)]);
    const { min } = timeCalls(op.run);
    op.dispose();
    return op.flops! / min / 1e9;
  });
  return Math.max(...rates);
}

/** What `benchOps` found; the keys are those of `tinyseek bench ops --json`. */
export interface OpsBench {
  readonly threads: number;
  readonly engineVariant: string;
  /** `cachedGflops` of one thread times threads: what no product can pass. */
  readonly peakGflops: number;
  readonly forkJoinMicroseconds: number;
  readonly ops: readonly OpBench[];
  readonly missing: readonly string[];
}

/** Measures all of the above on the running engine. */
export function benchOps(backend: EngineBackend): OpsBench {
  const { threads } = backend.pool;
  const ops: OpBench[] = [];
  for (const op of opCases(backend)) ops.push(rateOf(op, timeCalls(op.run).median));
  return {
    threads,
    engineVariant: backend.variant.name,
    peakGflops: cachedGflops(backend) * threads,
    forkJoinMicroseconds: forkJoinMicroseconds(backend),
    ops,
    missing: missingKernels(),
  };
}
