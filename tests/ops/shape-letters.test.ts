import { describe, expect, it } from 'vitest';
import { defineOp } from '../../src/ops/define-op.ts';
import { LetteredShapes } from '../../src/ops/shape-letters.ts';

describe('shapes in letters', () => {
  const measure = (shapes: Record<string, string>, found: Record<string, number[]>) => {
    const sizes = {};
    const tensors = Object.entries(found).map(([name, shape]) => [name, { shape, dtype: 'float32' }]);
    new LetteredShapes('test', shapes, new Set()).measure(Object.fromEntries(tensors), sizes);
    return sizes;
  };

  it.each([
    [{ x: '' }, { x: [] }, {}],
    [{ x: 'N... D' }, { x: [2, 3, 5] }, { N: 6, D: 5 }],
    [{ x: 'N... D' }, { x: [5] }, { N: 1, D: 5 }],
    [{ x: 'N...' }, { x: [] }, { N: 1 }],
    // The letters of sums are decided by the tensors that have them alone, wherever those are.
    [
      { q: 'T P+R', k: 'T R' },
      { q: [7, 11], k: [7, 3] },
      { T: 7, P: 8, R: 3 },
    ],
    [
      { w: 'E 2*F D', d: 'E D F' },
      { w: [3, 10, 7], d: [3, 7, 5] },
      { E: 3, F: 5, D: 7 },
    ],
    [
      { x: 'H T 2', y: 'T H*V' },
      { x: [3, 5, 2], y: [5, 21] },
      { H: 3, T: 5, V: 7 },
    ],
    [
      { x: 'N*K F', i: 'N K' },
      { x: [0, 3], i: [0, 2] },
      { N: 0, K: 2, F: 3 },
    ],
  ])('%o of %o', (shapes, found, sizes) => {
    expect(measure(shapes, found)).toEqual(sizes);
  });

  it.each([
    [{ x: 'N... D' }, { x: [] }],
    [
      { q: 'T P+R', k: 'T R' },
      { q: [7, 3], k: [7, 11] },
    ],
    [
      { w: '2*F', d: 'D' },
      { w: [7], d: [3] },
    ],
    [{ x: 'N 2' }, { x: [5, 3] }],
    [{ x: 'N N' }, { x: [5, 3] }],
  ])('refuses %o of %o', (shapes, found) => {
    expect(() => measure(shapes, found)).toThrow('test: expected');
  });

  it.each(['N d', 'N D... K', 'P+R', 'N  2x', 'int32 K*N'])('refuses %o as a shape', (shape) => {
    expect(() => new LetteredShapes('test', { x: shape }, new Set())).toThrow('internal: ');
  });

  it('lets only the last of what is saved be absent', () => {
    const saved = { 'tile?': 'N', norms: 'N' };
    expect(() => defineOp({ name: 'TestWrong', inputs: { x: 'N' }, outputs: { y: 'N' }, saved })).toThrow('internal: ');
  });
});
