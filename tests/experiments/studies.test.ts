// Contract: every study that comes with TinySeek can be run, and says what it is going to judge.

import { describe, expect, it } from 'vitest';
import { countParameters } from '../../src/config/counts.ts';
import { armSettings } from '../../src/experiments/settings.ts';
import { studies } from '../../src/experiments/studies/index.ts';
import type { Study } from '../../src/experiments/study.ts';
import { checkStudy } from '../../src/experiments/study-schema.ts';
import { groupedShapes } from '../../src/experiments/variants/attention.ts';

const full = { quick: false, steps: null };
const find = (name: string) => studies.find((study) => study.name === name)!;

function flops(study: Study, arm: Study['arms'][number]): number {
  const { model, train } = armSettings(study, arm, full, 0);
  return countParameters(model, train.seqLen).flopsPerToken;
}

describe.each(studies.map((study) => [study.name, study] as const))('study %s', (_name, study) => {
  it('holds together, as a study that somebody writes must', () => {
    expect(checkStudy(study, study.name, study.name)).toEqual(study);
  });

  it.each([false, true])('has valid settings for every arm (quick: %s)', (quick) => {
    for (const arm of study.arms) expect(() => armSettings(study, arm, { quick, steps: null }, 3)).not.toThrow();
  });

  it('judges metrics that it shows', () => {
    const shown = study.metrics.map(({ key }) => key);
    for (const { metric } of study.hypotheses) expect([...shown, 'earlyLoss']).toContain(metric);
    for (const { x, y } of study.scatters ?? []) expect(shown).toEqual(expect.arrayContaining([x, y]));
  });

  it('says what is equal, where claims come from, and writes claims as sentences', () => {
    expect(study.source).toMatch(/arXiv:\d{4}\.\d{5}/);
    expect(study.equal).toMatch(/[Ee]qual/);
    for (const { claim } of study.hypotheses) expect(claim).toMatch(/^[A-Z].*\.$/);
  });

  it('trains the quick size in less than 100 steps', () => {
    for (const arm of study.arms)
      expect(armSettings(study, arm, { quick: true, steps: null }, 0).train.steps).toBeLessThan(100);
  });
});

describe('arms of equal cost', () => {
  it.each(['balance', 'balance-scope', 'node-limit', 'init-and-schedule'])('of %s have the same FLOPs', (name) => {
    const study = find(name);
    expect(new Set(study.arms.map((arm) => flops(study, arm))).size).toBe(1);
  });

  it('of experts differ by their routers alone, by less than 1 % of the parameters and 2 % of the FLOPs', () => {
    const study = find('experts');
    const all = study.arms.map((arm) => flops(study, arm));
    expect(Math.max(...all) / Math.min(...all)).toBeLessThan(1.02);
    const sizes = study.arms.map((arm) => countParameters(armSettings(study, arm, full, 0).model).total);
    expect(Math.max(...sizes) / Math.min(...sizes)).toBeLessThan(1.01);
  });

  it('of moe-vs-dense: dense-flops costs what the mixture does within 0.2 %, dense-parameters is as large within 1 %', () => {
    const study = find('moe-vs-dense');
    const settings = (name: string) => armSettings(study, study.arms.find((arm) => arm.name === name)!, full, 0);
    const counts = (name: string) => countParameters(settings(name).model, settings(name).train.seqLen);
    expect(counts('dense-flops').flopsPerToken / counts('moe').flopsPerToken).toBeCloseTo(1, 2.5);
    expect(counts('dense-parameters').total / counts('moe').total).toBeCloseTo(1, 1.7);
    expect(settings('dense-time').train.steps).toBe(Math.round(1.15 * settings('moe').train.steps));
  });

  it('of attention differ by the width of their scores, below 5 % of the FLOPs, and by 96 of 51,296 weights a layer', () => {
    const study = find('attention');
    const { model, train } = armSettings(study, study.arms[0]!, full, 0);
    const { numAttentionHeads, qkNopeHeadDim, qkRopeHeadDim, vHeadDim, numHiddenLayers, hiddenSize: D } = model;
    const { flopsPerToken } = countParameters(model, train.seqLen);
    for (const { heads, keyHeads, headDim } of Object.values(groupedShapes)) {
      const wider = 2 * heads * headDim - numAttentionHeads * (qkNopeHeadDim + qkRopeHeadDim + vHeadDim);
      const difference = 6 * numHiddenLayers * wider * ((train.seqLen + 1) / 2);
      expect(Math.abs(difference) / flopsPerToken).toBeLessThan(0.05);
      expect(2 * D * headDim * (heads + keyHeads)).toBe(51_296 - 96);
    }
    expect(model.qLoraRank! + model.kvLoraRank).toBe(96); // the gains of the norms of both latents
  });
});

describe('the numbers in what a study says of itself', () => {
  /** Each is checked above, or is a setting. */
  const checked: Readonly<Record<string, readonly string[]>> = {
    attention: ['96', '51,296', '5'],
    experts: ['1', '2'],
    'init-and-schedule': ['0.006'],
    'moe-vs-dense': ['1.15'],
  };

  it.each(studies.map((study) => [study.name, study] as const))(
    'of %s are checked',
    (name, { title, question, equal }) => {
      const numbers = [title, question, equal].join(' ').match(/(?<![\w.-])\d[\d,]*(?:\.\d+)?(?![\w-])/g) ?? [];
      expect(numbers).toEqual(checked[name] ?? []);
    },
  );
});
