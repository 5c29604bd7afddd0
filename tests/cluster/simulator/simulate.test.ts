import { describe, expect, it } from 'vitest';
import { parseLayout } from '../../../src/cluster/layout.ts';
import { h800 } from '../../../src/cluster/simulator/hardware.ts';
import { type SimulationOptions, simulateStep } from '../../../src/cluster/simulator/simulate.ts';
import { activationBytes, forwardWork, parameterSplit } from '../../../src/cluster/simulator/work.ts';
import { countParameters } from '../../../src/config/counts.ts';
import { modelPreset } from '../../../src/config/presets.ts';
import { UserError } from '../../../src/errors.ts';

const model = modelPreset('deepseek-v3');
const report: SimulationOptions = {
  model,
  layout: { pp: 16, ep: 64, dp: 2 },
  schedule: 'dualpipe',
  microBatches: 120,
  seqLen: 4096,
};
const run = (change: Partial<SimulationOptions> = {}) => simulateStep({ ...report, ...change });
const whole = run();

describe('the step of the report', () => {
  it('has its GPUs and its batch', () => {
    expect(whole.gpus).toBe(2048);
    expect(whole.tokensPerStep).toBe(15_360 * 4096);
  });

  it('takes 180 K GPU hours a trillion tokens, to which the efficiency is fitted', () => {
    expect(Math.abs(whole.gpuHoursPerTrillionTokens / 180e3 - 1)).toBeLessThan(0.005); // three digits of the fit
    expect(whole.tokensPerGpuSecond).toBeCloseTo(1e12 / whole.gpuHoursPerTrillionTokens / 3600, 6);
  });

  it('fits into the memory of its GPUs', () => {
    expect(Math.max(...whole.memoryBytesPerRank)).toBeLessThan(h800.memoryBytes);
  });

  it('costs near 1 second of communication for one of computation without its savings, and a third with them', () => {
    const plain = run({ dispatch: 'bf16', copies: 'expert' });
    expect(plain.communicationToComputation).toBeGreaterThan(0.9);
    expect(plain.communicationToComputation).toBeLessThan(1.1);
    expect(whole.communicationToComputation).toBeLessThan(0.4);
  });
});

describe('what the choices of the report do', () => {
  const plain = { dispatch: 'bf16', copies: 'expert' } as const;

  it('dualpipe hides what 1f1b and zb1p pay', () => {
    for (const change of [{}, plain]) {
      const [dualpipe, oneForward, zb1p] = (['dualpipe', '1f1b', 'zb1p'] as const).map((schedule) =>
        run({ ...change, schedule }),
      );
      expect(dualpipe!.exposedCommunication).toBeLessThan(0.5 * oneForward!.exposedCommunication);
      expect(dualpipe!.stepSeconds).toBeLessThan(zb1p!.stepSeconds);
      expect(zb1p!.stepSeconds).toBeLessThan(oneForward!.stepSeconds);
    }
  });

  it('a co-processor for communication leaves all processors to the computation of a pair', () => {
    const free = run({ hardware: { ...h800, communicationProcessors: 0, saturatingProcessors: 0 } });
    expect(free.chunk).toEqual(whole.chunk);
    const { forward, backwardInput, backwardWeight, allToAll } = free.chunk;
    const pair = free.timeline.operations.flat().find(({ operation }) => operation.kind === 'overlapped')!;
    expect(pair.end - pair.start).toBeCloseTo(Math.max(forward + backwardInput + backwardWeight, 2 * allToAll), 9);
    expect(free.stepSeconds).toBeLessThan(whole.stepSeconds);
  });

  it('1f1b pays for all communication', () => {
    const { chunk, timeline, dataParallelSeconds, stepSeconds, exposedCommunication } = run({ schedule: '1f1b' });
    expect(exposedCommunication * stepSeconds).toBeCloseTo(120 * 2 * chunk.allToAll + dataParallelSeconds, 9);
    expect(timeline.makespan + dataParallelSeconds).toBe(stepSeconds);
  });

  it('more nodes a token, BF16 dispatch and fewer processors for it each cost time where nothing is hidden', () => {
    const seconds = (change: Partial<SimulationOptions>) => run({ schedule: '1f1b', ...change }).stepSeconds;
    const base = seconds({});
    expect(seconds({ model: { ...model, topkGroup: 8 } })).toBeGreaterThan(base);
    expect(seconds({ model: { ...model, topkGroup: 2 } })).toBeLessThan(base);
    expect(seconds({ dispatch: 'bf16' })).toBeGreaterThan(base);
    expect(seconds({ hardware: { ...h800, communicationProcessors: 5 } })).toBeGreaterThan(base);
  });

  it('experts inside one node leave InfiniBand alone', () => {
    const { traffic } = run({ layout: { pp: 16, ep: 8, dp: 16 } });
    expect(traffic.infinibandCopies).toBe(0);
    expect(traffic.nvlinkCopies).toBeGreaterThan(3); // a GPU is a group then: 4 GPUs at most, one may be its own
  });

  it('processors taken from computation cost time, and too few no longer hide', () => {
    const seconds = [2, 20, 60].map(
      (communicationProcessors) => run({ hardware: { ...h800, communicationProcessors } }).stepSeconds,
    );
    expect(seconds[1]).toBeLessThan(seconds[0]!);
    expect(seconds[1]).toBeLessThan(seconds[2]!);
  });

  it('a rank with twice the load of the mean holds up all', () => {
    const traffic = { ...whole.traffic, imbalance: 2 };
    expect(run({ traffic }).stepSeconds).toBeGreaterThan(1.3 * whole.stepSeconds);
  });
});

describe('the work of a token', () => {
  it('is, forward and backward, the count of `params` (6 N and attention)', () => {
    const { linear, wide, attention } = forwardWork(model, 4096);
    // Exact but for the order of sums of numbers near 1e11.
    expect((3 * (linear + wide + attention)) / countParameters(model, 4096).flopsPerToken).toBeCloseTo(1, 12);
  });

  it('has all parameters in it', () => {
    const { routed, others } = parameterSplit(model);
    const { total, mtp } = countParameters(model);
    const biases = (58 + 1) * 256; // counted by `params`, and no parameters of the optimizer
    expect(routed + others).toBe(total + mtp - biases);
  });

  it('leaves 8.8 MB of activations', () => {
    // By hand, layers with experts: 2*7168 + 2*(1536+512+64) + 1.5*128*128 + 7168 + 2*2048 + 8*(7168+4096) = 144,512.
    const dense = 2 * 7168 + 2 * (1536 + 512 + 64) + 1.5 * 128 * 128 + 7168 + 2 * 18_432;
    expect(activationBytes(model)).toBe(59 * 144_512 + 3 * dense);
  });
});

describe('a layout that does not fit', () => {
  const refusal = (change: Partial<SimulationOptions>) => {
    try {
      run(change);
    } catch (error) {
      if (error instanceof UserError) return error.message;
      throw error;
    }
    return 'none';
  };

  it('is named with the nearest that does', () => {
    expect(refusal({ layout: { pp: 64, ep: 64, dp: 2 } })).toBe(
      'layout: dualpipe cuts the model into 64 stages, and it has 61 layers; try pp=60,ep=64,dp=2',
    );
    expect(refusal({ schedule: 'zbv', layout: { pp: 31, ep: 64, dp: 2 } })).toContain('62 stages');
    expect(refusal({ layout: { pp: 16, ep: 48, dp: 2 } })).toContain('try pp=16,ep=32,dp=2');
    expect(refusal({ layout: { pp: 16, ep: 512, dp: 2 } })).toContain('try pp=16,ep=256,dp=2');
    expect(refusal({ microBatches: 31 })).toContain('try 16 and 32');
  });

  it('is read from a text', () => {
    expect(parseLayout('pp=16, ep=64')).toEqual({ pp: 16, ep: 64, dp: 1 });
    for (const text of ['', 'pp=0', 'pp=2,pp=3', 'tp=2', 'pp=1.5', 'pp=2;ep=2']) {
      expect(() => parseLayout(text), text).toThrow('layout: expected pp=16,ep=64,dp=2');
    }
  });
});
