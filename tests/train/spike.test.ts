import { describe, expect, it } from 'vitest';
import { initialSpikeState, observeLoss, type SpikeState, spikeThreshold } from '../../src/train/spike.ts';

const observe = (losses: readonly number[], from: SpikeState = initialSpikeState): SpikeState =>
  losses.reduce(observeLoss, from);

const noisy = Array.from({ length: 200 }, (_, i) => 3 + 0.1 * Math.sin(i * 2.399));

describe('spike detection', () => {
  it('calls nothing a spike before it has seen enough losses', () => {
    expect(spikeThreshold(observe(noisy.slice(0, 19)))).toBe(Number.POSITIVE_INFINITY);
    expect(spikeThreshold(observe(noisy.slice(0, 20)))).toBeLessThan(10);
  });

  it('lets ordinary noise and a falling loss pass', () => {
    const falling = Array.from({ length: 300 }, (_, i) => 3 + 4 * Math.exp(-i / 30) + 0.1 * Math.sin(i * 2.399));
    let state = initialSpikeState;
    for (const loss of falling) {
      expect(loss).toBeLessThan(spikeThreshold(state));
      state = observeLoss(state, loss);
    }
  });

  it('calls a loss five standard deviations above the mean a spike', () => {
    const state = observe(noisy);
    expect(spikeThreshold(state)).toBeGreaterThan(3.1);
    expect(spikeThreshold(state)).toBeLessThan(4);
  });

  it('still sees the second of two spikes', () => {
    expect(9).toBeGreaterThan(spikeThreshold(observe([9], observe(noisy))));
  });

  it('accepts a lasting new level after a while', () => {
    const after = observe(new Array<number>(200).fill(9), observe(noisy));
    expect(9).toBeLessThan(spikeThreshold(after));
  });

  it('survives JSON exactly, so that a resumed run warns at the same steps', () => {
    const state = observe(noisy);
    expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  });
});
