import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../src/io/yaml.ts';
import { UserError } from '../../src/errors.ts';

describe('parseYaml', () => {
  it('merges the keys of other mappings, one or several, and lets own keys win', () => {
    const text = `
short: &short { steps: 3, batchSize: 2 }
other: &other { steps: 7, seqLen: 32 }
one: { <<: *short, steps: 5 }
both: { <<: [*short, *other], seed: 1 }
`;
    expect(parseYaml(text, 'x')).toMatchObject({
      one: { steps: 5, batchSize: 2 },
      both: { steps: 3, batchSize: 2, seqLen: 32, seed: 1 },
    });
    expect(parseYaml('<<: &short\n  steps: 3\n  seqLen: 32\nsteps: 4\n', 'x')).toEqual({ steps: 4, seqLen: 32 });
  });

  it('takes texts as they are written, and other scalars as YAML does', () => {
    const isText = (key: string) => key === 'data';
    const read = (text: string) => parseYaml(text, 'x', isText);
    expect(read('data: 1984')).toEqual({ data: '1984' });
    expect(read('data: 007.50')).toEqual({ data: '007.50' });
    expect(read('arms: [{ data: true, steps: 7 }]')).toEqual({ arms: [{ data: 'true', steps: 7 }] });
    expect(read('data: null')).toEqual({ data: null });
    expect(read('')).toBe(undefined);
    expect(read('{"data": "a", "steps": 1e2}')).toEqual({ data: 'a', steps: 100 });
  });

  it.each([
    ['an alias of nothing', 'a: *nobody', /x: not (valid|usable) YAML: .*nobody/],
    ['a key that is there twice', 'a: 1\na: 2', /x: not valid YAML: Map keys must be unique at line 2/],
    ['a merge of what is no mapping', 'a: &a 1\nb: { <<: *a }', /x: not usable YAML: Merge/],
    [
      'a bomb of aliases',
      `a: &a [x, x]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm']
        .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghijkl'[i]}`).join(', ')}]`)
        .join('\n')}`,
      /x: not usable YAML: Excessive alias count/,
    ],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseYaml(text, 'x')).toThrow(UserError);
    expect(() => parseYaml(text, 'x')).toThrow(message);
  });
});
