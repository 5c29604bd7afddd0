import { describe, expect, it } from 'vitest';
import { Pace } from '../../src/generate/batch/pace.ts';

/** Rounds of calls that each take so long for a round. */
function roundsAt(millisecondsOfRound: number, calls: number, most: number): number[] {
  const pace = new Pace();
  return Array.from({ length: calls }, () => {
    const rounds = pace.next(most);
    pace.note(rounds, rounds * millisecondsOfRound, 64);
    return rounds;
  });
}

describe('the pace of a text', () => {
  it('looks seldom where tokens are fast, and at every token where they are slow', () => {
    expect(roundsAt(0.3, 8, 64)).toEqual([1, 2, 4, 8, 16, 32, 64, 64]);
    expect(roundsAt(5, 5, 64)).toEqual([1, 2, 4, 4, 4]);
    expect(roundsAt(100, 3, 64)).toEqual([1, 1, 1]);
  });

  it('goes back when tokens become slow', () => {
    const pace = new Pace();
    for (let i = 0; i < 5; i++) pace.note(pace.next(64), 1, 64);
    expect(pace.next(64)).toBe(32);
    pace.note(32, 200, 64);
    expect(pace.next(64)).toBe(16);
  });

  it('keeps to what there is room for, and learns nothing from less', () => {
    expect(roundsAt(0.3, 4, 3)).toEqual([1, 2, 3, 3]);
    expect(new Pace().next(0)).toBe(1);
  });
});
