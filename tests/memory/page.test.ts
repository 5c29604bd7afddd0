// docs/memory.md shows what the ledger says and what was measured.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { modelPreset, trainPreset } from '../../src/config/presets.ts';
import { memoryLedger } from '../../src/memory/ledger.ts';
import '../../src/node.ts';

const page = readFileSync('docs/memory.md', 'utf8');
const presets = ['peer-a', 'peer-b', 'tiny'] as const;
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

it.each(presets)('has the ledger of %s with and without recomputation', async (preset) => {
  const [model, train] = [modelPreset(preset), trainPreset(preset)];
  const without = await memoryLedger({ model, train });
  const recomputed = await memoryLedger({ model, train: { ...train, recompute: 'selective' } });
  for (const [name, { kinds, total }] of [
    ['none', without],
    ['selective', recomputed],
  ] as const) {
    const { weights, gradients, moments, activations, packed } = kinds;
    const cells = [weights, gradients, moments, activations, packed, total - kinds.recording, kinds.recording];
    expect(page).toContain(`| \`${preset}\` | ${name} | ${cells.map(megabytes).join(' | ')} |`);
  }
  const parts = savedNumbers(preset);
  expect(page).toContain(`| \`${preset}\` | ${parts.map((numbers) => megabytes(4 * numbers)).join(' | ')} |`);
  // The block that the backward pass is at has its part again, so a little less than the sum is saved.
  const sum = 4 * parts.reduce((a, b) => a + b, 0);
  const saved = without.kinds.activations - recomputed.kinds.activations;
  expect(saved / sum).toBeGreaterThan(0.75);
  expect(saved / sum).toBeLessThan(1.02);
});

it.each(presets)('has the ledger of %s in 8 bits, and with moments in 16', async (preset) => {
  const [model, train] = [modelPreset(preset), trainPreset(preset)];
  const float32 = await memoryLedger({ model, train });
  for (const [name, changes] of [
    ['float32', {}],
    ['fp8, activations in float32', { precision: 'fp8', cachedActivations: 'float32' }],
    ['fp8, activations in fp8', { precision: 'fp8', cachedActivations: 'fp8' }],
  ] as const) {
    const { kinds, total } = await memoryLedger({ model, train: { ...train, ...changes } });
    const cells = [kinds.activations, kinds.packed, total - kinds.recording, kinds.recording].map(megabytes);
    const share = Math.round((100 * kinds.activations) / float32.kinds.activations);
    expect(page).toContain(`| \`${preset}\` | ${name} | ${cells.join(' | ')} | ${share} % |`);
  }
  if (preset !== 'peer-b') return;
  const halved = await memoryLedger({ model, train: { ...train, adamMoments: 'bfloat16' } });
  const [now, before] = [halved.kinds.moments, float32.kinds.moments].map(megabytes);
  expect(page.replaceAll('\n', ' ')).toContain(`At \`peer-b\` they take ${now} MB in place of ${before}.`);
});

/** Numbers that norms, up-projections and outputs of SwiGLU have in all blocks and MTP modules, for a whole batch. */
function savedNumbers(preset: (typeof presets)[number]): [norms: number, upProjections: number, swiglu: number] {
  const model = modelPreset(preset);
  const { batchSize, seqLen } = trainPreset(preset);
  const { hiddenSize: D, qLoraRank, kvLoraRank: C, numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R } = model;
  const { vHeadDim: V, numExpertsPerTok: K, nSharedExperts: S, moeIntermediateSize: F } = model;
  const { numHiddenLayers, numNextnPredictLayers: M, firstKDenseReplace: dense, intermediateSize } = model;
  const main = batchSize * seqLen;
  const deeper = batchSize * (seqLen - 1); // one position fewer
  const tokens = numHiddenLayers * main + M * deeper;
  return [
    tokens * (2 * D + qLoraRank! + C) + M * deeper * 4 * D, // enorm, hnorm, and both side by side
    tokens * (H * (P + R) + H * (P + V)),
    ((numHiddenLayers - dense) * main + M * deeper) * (K + S) * F + dense * main * intermediateSize,
  ];
}

it('has the measured cost of recomputation and of the average', () => {
  const measured = JSON.parse(readFileSync('bench/results/2026-11-27-amd-epyc-2-cores-memory.json', 'utf8')) as {
    readonly sizes: readonly { readonly preset: string; readonly cpuPercent: Readonly<Record<string, number>> }[];
  };
  for (const { preset, cpuPercent } of measured.sizes) {
    const { average, recompute } = cpuPercent;
    expect(average).toBeLessThan(3);
    expect(page).toContain(`| \`${preset}\` | ${average!.toFixed(1)} % | ${recompute!.toFixed(1)} % |`);
  }
});
