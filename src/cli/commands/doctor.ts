// `tinyseek doctor`: what this machine can compute with.

import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { activateBackend, type BackendStatus, probeBackends } from '../../backends/backends.ts';
import { measureMatmulSpeed } from '../matmul-speed.ts';
import { type CommandOutput, outputWidth } from '../output.ts';
import { colorsFor } from '../terminal/colors.ts';
import { formatBytes } from '../terminal/format.ts';
import { wrapText } from '../terminal/text.ts';

interface MeasuredBackend extends Omit<BackendStatus, 'name'> {
  readonly name: string;
  /** Null if the backend is not available. */
  readonly gflops: number | null;
}

const colors = colorsFor(process.stdout);

const engine: MeasuredBackend = {
  name: 'engine',
  available: false,
  detail: 'not part of this version',
  howToGet: null,
  gflops: null,
};

async function measure(status: BackendStatus): Promise<MeasuredBackend> {
  if (!status.available) return { ...status, gflops: null };
  await activateBackend(status.name);
  return { ...status, gflops: await measureMatmulSpeed() };
}

function backendLines(backend: MeasuredBackend): string[] {
  const { name, gflops, howToGet } = backend;
  const state = gflops === null ? colors.yellow('missing') : colors.green(`ready, ${gflops.toPrecision(3)} GFLOP/s`);
  const text = gflops === null && howToGet !== null ? `${backend.detail}; to get it: ${howToGet}` : backend.detail;
  const detail = wrapText(text, outputWidth() - 4).map((line) => `    ${colors.dim(line)}`);
  return [`  ${colors.bold(name)}: ${state}`, ...detail];
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
export async function doctor(): Promise<CommandOutput> {
  const measured: MeasuredBackend[] = [];
  for (const status of await probeBackends()) measured.push(await measure(status));
  const backends = [engine, ...measured];
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
