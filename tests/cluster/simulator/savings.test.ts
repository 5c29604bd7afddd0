// The savings of the report against the memory that the simulator gives a rank, and against the page that shows them.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createSchedule } from '../../../src/cluster/schedule/schedules.ts';
import { passDurations, simulateSchedule } from '../../../src/cluster/schedule/timeline.ts';
import { rankMemory } from '../../../src/cluster/simulator/memory.ts';
import { memorySavings } from '../../../src/cluster/simulator/savings.ts';
import { modelPreset } from '../../../src/config/presets.ts';

const model = modelPreset('deepseek-v3');
const layout = { pp: 16, ep: 64, dp: 2 };
const schedule = createSchedule('dualpipe', 16, 60);
const peak = Math.max(...simulateSchedule(schedule, passDurations({ F: 1, B: 1, W: 1, FB: 3 })).peakActivations);
const savings = memorySavings(model, layout, schedule, 4096, peak);

it('ends where the simulator is, which takes all savings for granted', () => {
  const { activations, optimizer } = rankMemory(model, layout, schedule, 4096, peak);
  const [recomputation, fp8, moments] = savings;
  expect(recomputation!.with).toBe(fp8!.without);
  expect(fp8!.with).toBeCloseTo(activations, 0);
  expect(moments!.with).toBeCloseTo(optimizer / 2, 0); // the other half are master weights
});

it('golden: one embedding and head of the released model are 1.85 billion numbers', () => {
  const { without } = savings.at(-1)!;
  expect(without).toBeGreaterThan(6 * 2 * 129_280 * 7168);
  expect(without).toBeLessThan(6.1 * 2 * 129_280 * 7168);
});

it('docs/memory.md shows these numbers', () => {
  const page = readFileSync(fileURLToPath(new URL('../../../docs/memory.md', import.meta.url)), 'utf8');
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(2);
  for (const { what, without, with: saved } of savings) {
    expect(page).toContain(`| ${what} | ${gigabytes(without)} | ${gigabytes(saved)} |`);
  }
  expect(page).toContain(`${peak} chunks`);
});
