// `tinyseek doctor`: what this machine can compute with.

import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { engineAdvice } from '../../backends/engine-advice.ts';
import { activateBackend, type BackendOptions, type BackendStatus, probeBackends } from '../../backends/backends.ts';
import { runningEngine } from '../../engine/engine.ts';
import type { VariantName } from '../../engine/variant-names.ts';
import type { VariantReport } from '../../engine/variants.ts';
import { type BackendFlags, parseBackendOptions } from '../backend-option.ts';
import { measureMatmulSpeed } from '../matmul-speed.ts';
import { type CommandOutput, outputWidth } from '../output.ts';
import { colorsFor } from '../terminal/colors.ts';
import { formatBytes, formatMeasured } from '../terminal/format.ts';
import { wrapProse } from '../terminal/text.ts';
import type { Style } from '../terminal/word-wrap.ts';

/** What the engine runs with. */
interface EngineDetails {
  readonly threads: number;
  readonly variant: VariantName;
  /** All that were tried, with their speed on one thread. */
  readonly variants: readonly VariantReport[];
  /** What keeps it from its best. */
  readonly advice: readonly string[];
}

/** The details are those of the engine, where it runs. */
interface MeasuredBackend extends BackendStatus, Partial<EngineDetails> {
  /** Null if the backend is not available. */
  readonly gflops: number | null;
}

const colors = colorsFor(process.stdout);

function engineDetails(): EngineDetails {
  const running = runningEngine();
  if (running === null) throw new Error('internal: the engine is active, and does not run');
  const { pool, variant } = running;
  return { threads: pool.threads, variant: variant.name, variants: variant.reports, advice: engineAdvice(variant) };
}

async function measure(status: BackendStatus, options: BackendOptions): Promise<MeasuredBackend> {
  if (!status.available) return { ...status, gflops: null };
  await activateBackend(status.name, status.name === 'engine' ? options : {});
  const gflops = await measureMatmulSpeed();
  return { ...status, gflops, ...(status.name === 'engine' ? engineDetails() : {}) };
}

function backendLines(backend: MeasuredBackend): string[] {
  const { name, gflops, howToGet, advice = [] } = backend;
  const state = gflops === null ? colors.yellow('missing') : colors.green(`ready, ${formatMeasured(gflops)} GFLOP/s`);
  const text = gflops === null && howToGet !== null ? `${backend.detail}; to get it: ${howToGet}` : backend.detail;
  const wrap = (line: string, color: Style) => wrapProse(`    ${line}`, outputWidth()).map(color);
  return [
    `  ${colors.bold(name)}: ${state}`,
    ...wrap(text, colors.dim),
    ...advice.flatMap((line) => wrap(line, colors.yellow)),
  ];
}

function machineLines(): string[] {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return [
    `Node ${process.versions.node} on ${process.platform} ${process.arch}`,
    `${availableParallelism()} cores, ${model}`,
    `${formatBytes(totalmem())} memory, ${formatBytes(freemem())} of it free`,
  ];
}

/** Starts every backend in turn and measures it; fails if none of them works. */
export async function doctor(flags: Omit<BackendFlags, 'backend'>): Promise<CommandOutput> {
  const options = parseBackendOptions(flags);
  const backends: MeasuredBackend[] = [];
  for (const status of await probeBackends(options)) backends.push(await measure(status, options));
  const fastest = backends.reduce((best, next) => ((next.gflops ?? 0) > (best.gflops ?? 0) ? next : best));
  const advice = fastest.available ? `Fastest here: --backend ${fastest.name}` : 'No backend works here.';
  return {
    json: {
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      backends,
    },
    lines: [
      ...machineLines(),
      '',
      'Backends, and their speed on a 512 x 512 x 512 matrix product',
      ...backends.flatMap(backendLines),
      '',
      advice,
    ],
    exitCode: fastest.available ? 0 : 1,
  };
}
