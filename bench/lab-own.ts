// A run of the lab's settings in Node: `bench/lab.ts` starts it as a process of its own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { beginningOf } from '../lab/src/beginning-of.ts';
import { loadBuiltIn } from '../src/data/corpora/built-in.ts';
import { type SpeedResult, speedOf } from './lab-speed.ts';

// The built library, as the page has it.
const { resolveRunConfig, train } = await import(join(import.meta.dirname, '../dist/index.js'));

const { values } = parseArgs({ options: { steps: { type: 'string' }, variant: { type: 'string' } } });
const folder = mkdtempSync(join(tmpdir(), 'tinyseek-lab-'));
try {
  const { model, train: settings } = resolveRunConfig({ preset: 'tiny', set: [`steps=${values.steps}`] });
  const lines: Record<string, number>[] = [];
  let before = process.cpuUsage();
  await train({
    model,
    train: { ...settings, checkpointEvery: settings.checkpointEvery || 100 },
    documents: { 'moby-dick': beginningOf(loadBuiltIn('moby-dick') ?? []) },
    backend: 'auto',
    backendOptions: values.variant === undefined ? {} : { engineVariant: values.variant },
    runDir: join(folder, 'run'),
    onEvent: (event: { type: string; metrics: Record<string, number> }) => {
      if (event.type === 'start') before = process.cpuUsage();
      if (event.type === 'step') lines.push(event.metrics);
    },
  });
  const { user, system } = process.cpuUsage(before);
  const result: SpeedResult = { ...speedOf(lines), cpuSecondsPerStep: (user + system) / 1e6 / lines.length };
  console.log(JSON.stringify(result));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
