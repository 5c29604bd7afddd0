// `tinyseek doctor`: what this machine can compute with.

import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { engineOptions, parseBackendOptions } from '../backend-option.ts';
import { defineCommand } from '../command.ts';
import { jsonOption } from '../common-options.ts';
import type { MeasuredBackend } from '../measured-backends.ts';
import { outputWidth } from '../output.ts';
import type { Colors } from '../terminal/colors.ts';
import { formatBytes, formatMeasured } from '../terminal/format.ts';
import { wrapProse } from '../terminal/text.ts';
import type { Style } from '../terminal/word-wrap.ts';

export const doctorCommand = defineCommand({
  name: 'doctor',
  summary: 'what this machine can compute with',
  description: 'Lists the backends: which are here, why the others are not and how to get them, how fast they are.',
  options: [...engineOptions, jsonOption],
  /** Fails if none of the backends works. */
  run: async (flags) => {
    const options = parseBackendOptions(flags);
    const { measureBackends } = await import('../measured-backends.ts');
    const { colorsFor } = await import('../terminal/colors.ts');
    const colors = colorsFor(process.stdout);
    const backends = await measureBackends(options);
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
        ...backends.flatMap((backend) => backendLines(backend, colors)),
        '',
        advice,
      ],
      exitCode: fastest.available ? 0 : 1,
    };
  },
});

function backendLines(backend: MeasuredBackend, colors: Colors): string[] {
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
