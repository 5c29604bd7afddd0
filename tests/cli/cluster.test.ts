import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { htmlProblems } from '../report/html-check.ts';
import { runCli, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();
const trace = resolve('tests/cluster/data/routing.json');

async function json(...args: string[]) {
  const { code, stdout, stderr } = await runInResident([...args, '--json']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

async function failure(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runInResident(args);
  expect(stdout).toBe('');
  expect(code).toBe(1);
  expect(stderr).not.toMatch(/^\s+at /m);
  return stderr;
}

describe('cluster schedule', () => {
  it('prints one object with makespan, idle times, peaks and operations (contract)', async () => {
    const args = ['--schedule', 'dualpipe', '--ranks', '8', '--micro-batches', '20', '--costs', 'F=1,B=2,W=1,FB=3'];
    const { code, stdout } = await runCli(['cluster', 'schedule', ...args, '--json']);
    expect(code).toBe(0);
    const { makespan, idle, peakActivations, operations } = JSON.parse(stdout);
    expect(makespan).toBe(66);
    expect(idle).toEqual([6, 6, 6, 6, 6, 6, 6, 6]);
    expect(peakActivations).toEqual([9, 9, 9, 9, 9, 9, 9, 9]);
    expect(operations).toHaveLength(8);
    expect(operations[0][0]).toEqual({ kind: 'forward', stage: 0, microBatch: 0, start: 0, end: 1 });
  });

  it('draws a line for each rank that fits the terminal', async () => {
    const args = ['cluster', 'schedule', '--schedule', '1f1b', '--ranks', '2', '--micro-batches', '3'];
    const { stdout } = await runInResident(args, { columns: 80 });
    const lines = stripVTControlCharacters(stdout).replaceAll('B', 'b').split('\n');
    expect(lines).toContain('rank 0 F0--F1--........b0------F2--b1------....b2------');
    expect(lines).toContain('rank 1 ....F0--b0------F1--b1------F2--b2------........');
    const wide = await runInResident(['cluster', 'schedule', '--micro-batches', '200'], { columns: 60 });
    for (const line of stripVTControlCharacters(wide.stdout).split('\n')) expect(line.length).toBeLessThanOrEqual(60);
  });

  it('writes a page and a trace, and overwrites neither of somebody else', async () => {
    const page = temporary.file('schedule.html');
    const events = temporary.file('schedule.json');
    for (const file of [page, events]) {
      for (let twice = 0; twice < 2; twice++) {
        const { code, stdout } = await runInResident(['cluster', 'schedule', '--out', file]);
        expect(code).toBe(0);
        expect(stdout).toContain(file);
      }
    }
    expect(htmlProblems(readFileSync(page, 'utf8'))).toEqual([]);
    expect(JSON.parse(readFileSync(events, 'utf8')).traceEvents.length).toBeGreaterThan(100);
    for (const name of ['other.json', 'other.html']) {
      const other = temporary.file(name);
      writeFileSync(other, '{"mine": true}');
      expect(await failure('cluster', 'schedule', '--out', other)).toContain('choose another file with --out');
      expect(readFileSync(other, 'utf8')).toBe('{"mine": true}');
    }
    expect(await failure('cluster', 'schedule', '--out', 'a.svg')).toContain('ends in .html or .json');
  });

  it('names what is wrong and what works', async () => {
    const schedule = (...args: string[]) => failure('cluster', 'schedule', ...args);
    expect(await schedule('--schedule', 'dualpip')).toContain('did you mean dualpipe?');
    expect(await schedule('--ranks', '8', '--micro-batches', '9')).toContain('try 8 and 16');
    expect(await schedule('--costs', 'F=1,B=1,W=1')).toContain('W (1) is a part of B (1)');
    expect(await schedule('--costs', 'F=x')).toContain('F: expected a number above 0');
    expect(await schedule('--costs', 'G=1')).toContain('expected F=1,B=2,W=1,FB=3');
    expect(await schedule('--ranks', 'many')).toContain('--ranks: expected a whole number');
  });
});

describe('cluster simulate', () => {
  it('prints one object with the step (contract)', async () => {
    const args = ['--preset', 'deepseek-v3', '--layout', 'pp=16,ep=64,dp=2', '--schedule', 'dualpipe'];
    const result = await json('cluster', 'simulate', ...args);
    expect(result).toMatchObject({
      stepSeconds: expect.any(Number),
      bubble: expect.any(Number),
      exposedCommunication: expect.any(Number),
      tokensPerGpuSecond: expect.any(Number),
      gpus: 2048,
    });
    expect(result.memoryBytesPerRank).toHaveLength(16);
    expect(result).not.toHaveProperty('timeline');
  });

  it('takes the traffic of a trace, and refuses that of another model', async () => {
    const args = ['cluster', 'simulate', '--layout', 'pp=2,ep=16', '--gpus-per-node', '4', '--trace', trace];
    const { traffic } = await json(...args, '--preset', 'tiny');
    expect(traffic.mostInfinibandCopies).toBe(2);
    expect(await failure(...args)).toContain('this one has 8 of 256');
  });

  it('finds a number of micro-batches that every schedule takes', async () => {
    for (const schedule of ['gpipe', '1f1b', 'interleaved-1f1b', 'zb1p', 'zbv', 'dualpipe', 'dualpipev']) {
      const { tokensPerStep } = await json(
        'cluster',
        'simulate',
        '--schedule',
        schedule,
        '--layout',
        'pp=4,ep=64,dp=8',
      );
      expect(tokensPerStep).toBeGreaterThan(0);
    }
  });

  it('names the nearest layout that works', async () => {
    const simulate = (...args: string[]) => failure('cluster', 'simulate', ...args);
    expect(await simulate('--layout', 'pp=16,ep=60,dp=2')).toContain('try pp=16,ep=64,dp=2');
    expect(await simulate('--layout', 'pp=100')).toContain('61 layers');
    expect(await simulate('--layout', 'tp=4')).toContain('expected pp=16,ep=64,dp=2');
    expect(await simulate('--communication-sms', '132')).toContain('leave none to compute');
  });
});

describe('cluster eplb', () => {
  it('prints the published placement (golden)', async () => {
    const file = temporary.file('loads.json');
    writeFileSync(file, '[[90,132,40,61,104,165,39,4,73,56,183,86],[20,107,104,64,19,197,187,157,172,86,16,27]]');
    const sizes = ['--replicas', '16', '--groups', '4', '--nodes', '2', '--gpus', '8'];
    const result = await json('cluster', 'eplb', '--weights', file, ...sizes);
    expect(Object.keys(result)).toEqual(['physicalToLogical', 'logicalToPhysical', 'counts', 'gpuLoads']);
    expect(result.physicalToLogical[0]).toEqual([5, 6, 5, 7, 8, 4, 3, 4, 10, 9, 10, 2, 0, 1, 11, 1]);
    expect(result.gpuLoads[1]).toHaveLength(8);
  });

  it('moves little from where they are now, and says how much (contract)', async () => {
    const [loads, now] = [temporary.file('loads.json'), temporary.file('placement.json')];
    writeFileSync(loads, '[[90,132,40,61,104,165,39,4,73,56,183,86],[20,107,104,64,19,197,187,157,172,86,16,27]]');
    const args = ['cluster', 'eplb', '--weights', loads, '--replicas', '16', '--groups', '4', '--nodes', '2'];
    const before = await json(...args, '--gpus', '8');
    writeFileSync(now, JSON.stringify(before));
    const again = await json(...args, '--gpus', '8', '--previous', now);
    expect(again).toEqual({ ...before, fetched: 0 });
    writeFileSync(now, JSON.stringify({ physicalToLogical: before.physicalToLogical.toReversed() }));
    const { fetched, physicalToLogical } = await json(...args, '--gpus', '8', '--previous', now);
    expect(fetched).toBeGreaterThan(0);
    expect(physicalToLogical.map((layer: number[]) => layer.toSorted())).toEqual(
      before.physicalToLogical.map((layer: number[]) => layer.toSorted()),
    );
    for (const text of ['[1]', 'null', '{"physicalToLogical": [["a"]]}', '{"physicalToLogical": [[1, 2]]}']) {
      writeFileSync(now, text);
      expect(await failure(...args, '--gpus', '8', '--previous', now)).toMatch(
        /expected what `cluster eplb --json` printed|must have 2 layers of 16 slots/,
      );
    }
  });

  it('names what is wrong with the file', async () => {
    const eplb = (text: string) => {
      const file = temporary.file('bad.json');
      writeFileSync(file, text);
      return failure('cluster', 'eplb', '--weights', file, '--replicas', '4', '--gpus', '2');
    };
    expect(await eplb('[[1,')).toContain('not valid JSON');
    expect(await eplb('{"a": 1}')).toContain('expected an array of layers');
    expect(await eplb('[[1, "b"]]')).toContain('expected an array of layers');
    expect(await eplb('[]')).toContain('at least one layer');
    const none = await failure('cluster', 'eplb', '--weights', 'none.json', '--replicas', '4', '--gpus', '2');
    expect(none).toContain('no such file');
  });
});

describe('cluster serve-plan', () => {
  it.each(['prefill', 'decode'])('prints loads before and after, by interval: %s (contract)', async (phase) => {
    const result = await json('cluster', 'serve-plan', '--trace', trace, '--phase', phase);
    expect(result).toMatchObject({ phase, experts: 16, layers: 3 });
    expect(result.intervals).toHaveLength(12);
    for (const { before, ideal } of result.intervals) expect(ideal).toBeLessThanOrEqual(before);
    const [interval] = result.intervals;
    expect(Object.keys(interval).sort()).toEqual([
      ...['before', 'domain', 'dynamic', 'fetched', 'fetchedAsPlaced', 'ideal'],
      ...['interval', 'kept', 'rebalanced', 'tokens'],
    ]);
    expect(Object.keys(result).sort()).toEqual([
      ...['byRedundancy', 'dynamic', 'experts', 'gpuLoads', 'intervals', 'layers', 'moves'],
      ...['overlap', 'phase', 'shift', 'unit'],
    ]);
    expect(result.dynamic).toEqual(phase === 'prefill' ? { held: 4, used: 3 } : null);
    expect(result.moves.fetched).toBeLessThan(result.moves.fetchedAsPlaced);
  });

  it('says in words what a rebalance moves', async () => {
    const { stdout } = await runInResident(['cluster', 'serve-plan', '--trace', trace], { columns: 120 });
    const words = stripVTControlCharacters(stdout).replaceAll(/\s+/g, ' ');
    expect(words).toMatch(
      /A rebalance fetches 36\.2 experts from other GPUs \(1\.59 GB if they were DeepSeek-V3's\), and 55\.4 if/,
    );
    expect(words).toContain('each GPU holds 4 experts and uses at most 3 in a step');
  });

  it('writes a page', async () => {
    const page = temporary.file('plan.html');
    const { code } = await runInResident(['cluster', 'serve-plan', '--trace', trace, '--out', page]);
    expect(code).toBe(0);
    expect(htmlProblems(readFileSync(page, 'utf8'))).toEqual([]);
  });

  it('refuses what is no trace', async () => {
    const file = temporary.file('no-trace.json');
    writeFileSync(file, '[[1, 2]]');
    expect(await failure('cluster', 'serve-plan', '--trace', file)).toContain('is not a routing trace');
    expect(await failure('cluster', 'serve-plan', '--trace', trace, '--gpus', '3')).toContain('try 2');
  });
});

describe('cost', () => {
  it('prints table 1 of the report (golden)', async () => {
    const result = await json('cost', '--preset', 'deepseek-v3');
    expect(result.total).toEqual({ gpuHours: 2_788_000, dollars: 5_576_000 });
    const { stdout } = await runInResident(['cost', '--preset', 'deepseek-v3']);
    expect(stdout).toMatch(/total +2,788,000 +\$ 5,576,000/);
  });

  it('takes tokens and a price', async () => {
    const result = await json('cost', '--preset', 'deepseek-v3', '--tokens', '1e12', '--gpu-hour-price', '3');
    expect(result.preTraining).toEqual({ gpuHours: 180_000, dollars: 540_000 });
    expect(await failure('cost', '--tokens', '-1')).toContain('--tokens: expected a number above 0');
    expect(await failure('cost', 'no-such-run')).toContain('no-such-run');
  });
});
