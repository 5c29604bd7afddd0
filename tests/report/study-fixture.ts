// The results of a synthetic study and its runs: shapes and sizes of a real one, no model involved.

import type { ArmRuns } from '../../src/report/study/study-charts.ts';
import type { Interval, MetricCell, StudyResults } from '../../src/report/study-results.ts';
import { makeRun } from './fixture.ts';

export interface StudyFixture {
  readonly arms: readonly string[];
  readonly seeds?: number;
  readonly domains?: readonly string[];
}

function interval(mean: number, seeds: number): Interval {
  return seeds === 1 ? { mean, low: null, high: null, n: 1 } : { mean, low: mean - 0.07, high: mean + 0.07, n: seeds };
}

/** Arms get better one by one. */
export function makeStudy({ arms, seeds = 3, domains = ['moby-dick'] }: StudyFixture): {
  results: StudyResults;
  runs: ArmRuns;
} {
  const value = (arm: number, seed: number) => 4.3 - 0.11 * arm + 0.013 * seed;
  const cells = (arm: number): MetricCell[] => [
    { value: interval(value(arm, 1), seeds), difference: arm === 0 ? null : interval(-0.11 * arm, seeds) },
    { value: interval(0.9 / (arm + 1), seeds), difference: null },
    { value: arm === 1 ? null : interval(12, seeds), difference: null },
  ];
  const results: StudyResults = {
    format: 1,
    name: 'made-up',
    title: 'Do later arms <b>win</b>?',
    question: 'A question about "arms".',
    source: 'arXiv:2412.19437',
    equal: 'Equal tokens.',
    paper: ['Loss 2.26 against 2.25.'],
    quick: false,
    seeds,
    plannedRuns: arms.length * seeds,
    command: 'tinyseek ablate made-up --seeds 3',
    environment: { tinyseek: '0.1.0', node: 'v24.21.0', machine: 'AMD EPYC, 2 cores, linux', backend: 'engine' },
    createdAt: '2026-11-25T23:30:00.000Z',
    statistics: "95 % intervals by Student's t",
    verdicts: [
      {
        claim: 'It falls.',
        rule: 'loss: b minus a is below 0',
        found: interval(-0.11, seeds),
        verdict: 'reproduced',
        pValue: 0.02,
        holm: { verdict: 'not distinguishable', pValue: 0.06 },
        paper: '0.006 nats',
      },
      {
        claim: 'It rises.',
        rule: 'loss: b minus a is above 0',
        found: interval(-0.11, seeds),
        verdict: 'contradicted',
        pValue: 0.00001,
        holm: { verdict: 'contradicted', pValue: 0.00003 },
        paper: null,
      },
      {
        claim: 'It stays.',
        rule: 'loss: b minus a is within 0.1 of 0',
        found: null,
        verdict: 'not distinguishable',
        pValue: 1,
        holm: { verdict: 'not distinguishable', pValue: 1 },
        paper: null,
      },
    ],
    correctedFor: 3,
    metrics: [
      { key: 'loss', label: 'held-out loss', unit: 'nats per token', better: 'lower' },
      { key: 'maxVioGlobal', label: 'MaxVio, all held-out text', unit: null, better: 'lower' },
      { key: 'loss/moby-dick', label: 'loss on prose', unit: 'nats', better: null },
    ],
    arms: arms.map((name, arm) => ({
      name,
      label: `arm ${name} in words`,
      changes: [`balancing=${name}`],
      steps: 300,
      parameters: 366_160,
      activeParameters: 201_000,
      flopsPerToken: 1.2e6 * (1 + arm / 10),
      runs: Array.from({ length: seeds }, (_, seed) => ({
        seed,
        dir: `runs/${name}/seed-${seed}`,
        measured: {
          loss: value(arm, seed),
          maxVioGlobal: 0.9 / (arm + 1) + 0.02 * seed,
          'loss/moby-dick': 12 + seed,
          tokens: 307_200,
          flops: 3.7e11,
          seconds: 31,
          'off/0': value(arm, seed),
          'off/25': value(arm, seed) + 0.3 * (arm + 1),
        },
      })),
      cells: cells(arm),
    })),
    scatters: [{ title: 'Loss against balance', advice: 'Lower left is better.', x: 'maxVioGlobal', y: 'loss' }],
    series: [
      {
        title: 'Experts off',
        advice: 'Steep is specialised.',
        xLabel: 'experts off, %',
        yLabel: 'nats per token',
        points: [
          { x: 0, metric: 'off/0' },
          { x: 25, metric: 'off/25' },
        ],
      },
    ],
  };
  const runs = arms.map((name, arm) =>
    Array.from({ length: seeds }, (_, seed) =>
      makeRun({ name, steps: 97, evalEvery: 31, imbalance: 0.1 + 0.2 * arm + 0.01 * seed, domains, mtpDepth: 0 }),
    ),
  );
  return { results, runs };
}
