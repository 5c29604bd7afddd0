// `npm run bench`: the kernels of the engine, timed by tinybench, into a results file. `tinyseek bench ops` measures the
// same cases with a loop of its own.

import { Bench } from 'tinybench';
import '../src/node.ts';
import { activateBackend } from '../src/backends/backends.ts';
import { missingKernels, type OpCase, opCases } from '../src/bench/op-cases.ts';
import { cachedGflops, forkJoinMicroseconds, type OpBench, rateOf } from '../src/bench/ops.ts';
import { runningEngine } from '../src/engine/engine.ts';
import { writeResults } from './machine.ts';

function measure(op: OpCase): OpBench {
  const bench = new Bench({ time: 500, iterations: 10, warmupTime: 200, warmupIterations: 2, throws: true });
  bench.add(op.name, op.run);
  bench.runSync();
  const result = bench.tasks[0]?.result;
  if (result?.state !== 'completed') throw new Error(`${op.name}: ${result?.state}`);
  return rateOf(op, result.latency.p50 / 1000);
}

await activateBackend('engine');
const engine = runningEngine();
if (engine === null) throw new Error('the engine does not run');
const ops: OpBench[] = [];
for (const op of opCases(engine)) {
  const found = measure(op);
  ops.push(found);
  const rate =
    found.gflops === null ? `${found.gigabytesPerSecond?.toFixed(1)} GB/s` : `${found.gflops.toFixed(1)} GFLOP/s`;
  console.log(`${found.name}, ${found.size}: ${found.microseconds.toFixed(1)} us, ${rate}`);
}
const { threads } = engine.pool;
const path = writeResults('kernels', {
  threads,
  engineVariant: engine.variant.name,
  variants: engine.variant.reports,
  peakGflops: cachedGflops(engine) * threads,
  forkJoinMicroseconds: forkJoinMicroseconds(engine),
  ops,
  missing: missingKernels(),
});
console.log(`\nWritten to ${path}`);
process.exit();
