import { describe, expect, it } from 'vitest';
import { generateAddition } from '../../src/data/corpora/addition.ts';
import { generatePathStar } from '../../src/data/corpora/path-star.ts';

const linesOf = (documents: readonly string[]) => documents.join('').trimEnd().split('\n');

describe('addition', () => {
  it('has sums that are right, most significant digit first, the same every time', () => {
    const documents = generateAddition(5000);
    for (const line of linesOf(documents)) {
      const [, a, b, sum] = /^(\d+)\+(\d+)=(\d+)$/.exec(line) ?? [];
      expect(Number(a) + Number(b), line).toBe(Number(sum));
    }
    expect(generateAddition(5000)).toEqual(documents);
    expect(documents.join('').length).toBeGreaterThanOrEqual(5000);
  });
});

describe('path-star', () => {
  const lines = linesOf(generatePathStar(5000));

  it('asks for the one path along the edges from the start to the goal', () => {
    for (const line of lines) {
      const [, edges = '', start = '', goal = '', path = ''] = /^([a-z ]+)\|([a-z])>([a-z])=([a-z]+)$/.exec(line) ?? [];
      const known = new Set(edges.split(' '));
      expect(path.at(-1), line).toBe(goal);
      for (const [i, node] of [...path].entries())
        expect(known, line).toContain(`${i === 0 ? start : path[i - 1]}${node}`);
    }
  });

  it('starts three paths of three steps in one node, with no letter twice', () => {
    for (const line of lines) {
      const [edges = '', question = ''] = line.split('|');
      const ends = edges.split(' ').map((edge) => edge.charAt(1));
      expect(new Set(ends).size, line).toBe(9);
      expect(edges.split(' ').filter((edge) => edge.charAt(0) === question.charAt(0))).toHaveLength(3);
    }
  });

  it('has no graph twice', () => {
    expect(new Set(lines).size).toBe(lines.length);
  });
});
