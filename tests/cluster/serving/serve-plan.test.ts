import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseRoutingTrace, requireSameModel } from '../../../src/cluster/routing-trace.ts';
import { overlapTimes } from '../../../src/cluster/serving/overlap.ts';
import { type Interval, intervalsOf, servePlan } from '../../../src/cluster/serving/serve-plan.ts';
import { servingUnit } from '../../../src/cluster/serving/unit.ts';
import { countTraffic } from '../../../src/cluster/simulator/traffic.ts';
import { modelPreset } from '../../../src/config/presets.ts';
import { UserError } from '../../../src/errors.ts';

/** Recorded with `tinyseek cluster trace` from a `tiny` that was trained on these three texts for 400 steps. */
const recorded = JSON.parse(readFileSync(new URL('../data/routing.json', import.meta.url), 'utf8'));
const trace = parseRoutingTrace(recorded, 'routing.json');
const plan = (phase: 'prefill' | 'decode', given = {}) =>
  servePlan(intervalsOf(trace, 4), servingUnit(phase, trace.experts, given), trace.groups);

describe('servingUnit', () => {
  it("is the report's for 256 experts (golden)", () => {
    expect(servingUnit('prefill', 256)).toEqual({ phase: 'prefill', gpus: 32, nodes: 4, redundant: 32, shared: 0 });
    expect(servingUnit('decode', 256)).toEqual({ phase: 'decode', gpus: 320, nodes: 40, redundant: 63, shared: 1 });
  });

  it('is smaller for fewer experts', () => {
    expect(servingUnit('prefill', 16)).toMatchObject({ gpus: 8, redundant: 8 });
    expect(servingUnit('decode', 16)).toMatchObject({ gpus: 20, redundant: 3 });
  });

  it('names the nearest numbers that work', () => {
    expect(() => servingUnit('prefill', 16, { gpus: 5 })).toThrow('5 GPUs; try 4');
    expect(() => servingUnit('prefill', 16, { gpus: 8, redundant: 9 })).toThrow('8 GPUs; try 16');
    expect(() => servingUnit('decode', 16, { gpus: 16 })).toThrow('there are 16; try 17');
    expect(() => servingUnit('decode', 16, { gpus: 20, redundant: 5 })).toThrow('try 3');
  });
});

describe('servePlan', () => {
  // Two GPUs with two experts each: the first two experts are wanted in text a, the last two in text b.
  const interval = (domain: string, counts: number[]): Interval => ({ domain, tokens: 8, counts: [counts] });
  const a = interval('a', [6, 6, 2, 2]);
  const b = interval('b', [2, 2, 6, 6]);
  const two = servingUnit('prefill', 4, { gpus: 2, redundant: 0 });

  it('compares placements for each interval (by hand)', () => {
    const { intervals } = servePlan([a, a, b, b], two, 1);
    const row = ({ before, kept, rebalanced, ideal }: (typeof intervals)[number]) => [before, kept, rebalanced, ideal];
    expect(intervals.map(row)).toEqual([
      [1.5, 1, 1.5, 1], // the first has no interval before it
      [1.5, 1, 1, 1],
      [1.5, 1, 1, 1],
      [1.5, 1, 1, 1],
    ]);
  });

  it('in decode, the shared expert counts as one that every token chooses', () => {
    const { intervals, gpuLoads } = servePlan([a], servingUnit('decode', 4), 1);
    // 16 choices and 8 tokens on 5 GPUs: 4.8 each; the shared expert has 8.
    expect(intervals[0]!.before).toBeCloseTo(8 / 4.8, 12);
    expect(gpuLoads.before[0]!.at(-1)).toBeCloseTo(8 / 4.8, 12);
  });

  it('loads that are recorded: redundancy helps, a change of the text hurts once (direction)', () => {
    const { byRedundancy, shift, intervals } = plan('prefill');
    const ideal = byRedundancy.map((row) => row.ideal);
    expect(ideal).toEqual(ideal.toSorted((x, y) => y - x));
    for (const row of intervals) expect(row.ideal).toBeLessThan(row.before);
    expect(shift!.shifted).toBeGreaterThan(1.2 * shift!.settled);
    expect(shift!.rebalanced).toBeLessThan(shift!.shifted);
  });

  it('in decode, more redundant experts never load the busiest GPU more', () => {
    const ideal = plan('decode').byRedundancy.map((row) => row.ideal);
    expect(ideal).toEqual(ideal.toSorted((x, y) => y - x));
  });

  it('refuses more intervals than tokens', () => {
    expect(() => intervalsOf(trace, 5000)).toThrow('try --intervals 2048');
  });
});

describe('two micro-batches side by side', () => {
  it('take the longer of two parts and not their sum', () => {
    const { parts, one, two } = overlapTimes('prefill', 1);
    expect(one).toBe(parts[0] + parts[1]);
    expect(two).toBe(Math.max(...parts));
  });

  it('save less in decode, where the weights of the experts are read twice', () => {
    const { parts, one, two } = overlapTimes('decode', 1);
    expect(two).toBeGreaterThan(Math.max(...parts));
    expect(two).toBeLessThan(one);
  });
});

describe('recorded routing', () => {
  it('goes to at most M nodes, and one copy a node saves K / M of the copies', () => {
    // A group of four experts is a node of four GPUs, as in the report: M = 2 of 4, K = 4.
    const layer = trace.texts.flatMap(({ choices }) => choices[0]!);
    const traffic = countTraffic(layer, { experts: 16, ranks: 16, gpusPerNode: 4 });
    expect(traffic.mostInfinibandCopies).toBeLessThanOrEqual(2);
    expect(traffic.nodes).toBeLessThanOrEqual(2);
    const saved = traffic.infinibandCopiesPerExpert / traffic.infinibandCopies;
    expect(saved).toBeGreaterThan(1.8); // K / M = 2, and a token need not use both nodes
    expect(saved).toBeLessThan(2.2);
  });

  it('of another model is refused', () => {
    requireSameModel(trace, modelPreset('tiny'));
    expect(() => requireSameModel(trace, modelPreset('deepseek-v3'))).toThrow(
      'trace: it is of a model with 4 of 16 experts a token, and this one has 8 of 256',
    );
  });

  it('that is damaged is refused', () => {
    const wrong = [
      null,
      {},
      { ...recorded, format: 'tinyseek-routing-2' },
      { ...recorded, experts: 3 },
      { ...recorded, texts: [] },
      { ...recorded, layers: [1] },
      { ...recorded, texts: [{ domain: 'a', choices: [[[0, 1, 2]], [[0, 1, 2]], [[0, 1, 2]]] }] },
    ];
    for (const value of wrong) expect(() => parseRoutingTrace(value, 'file')).toThrow(UserError);
  });
});
