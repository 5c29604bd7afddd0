import { describe, expect, it } from 'vitest';
import { mostUsed } from '../../src/experiments/probes/experts-off.ts';
import { nodesPerToken } from '../../src/experiments/probes/nodes.ts';
import { nanoModel } from '../train/nano.ts';

describe('nodesPerToken', () => {
  it('counts the distinct groups of each token', () => {
    // 16 experts in 4 groups: experts 0-3, 4-7, 8-11, 12-15; 4 per token.
    const indices = [0, 1, 2, 3, 0, 4, 8, 12, 3, 4, 5, 2];
    expect(nodesPerToken(Int32Array.from(indices), nanoModel)).toEqual([1, 4, 2]);
  });
});

describe('mostUsed', () => {
  it('picks a share of the experts, most used first', () => {
    expect(mostUsed([3, 11, 5, 2, 7, 0, 13, 1], 25)).toEqual([6, 1]);
    expect(mostUsed([3, 11], 0)).toEqual([]);
  });
});
