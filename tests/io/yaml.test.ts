// YAML of strangers: a value, or one UserError that names the file; never a program without end.

import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readConfigFile } from '../../src/cli/config-file.ts';
import { resolveRunConfig } from '../../src/config/resolve.ts';
import { UserError } from '../../src/errors.ts';
import { loadStudy } from '../../src/experiments/load-study.ts';
import { parseYaml } from '../../src/io/yaml.ts';
import { fuzzRuns } from '../fuzz-runs.ts';
import { useTempFolder } from './helpers.ts';

const path = useTempFolder();

/** Each list holds the one before it ten times. */
const bomb = [
  'a0: &a0 [x]',
  ...Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]`),
];

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
    ['an alias of nothing', 'a: *nobody', /x: not valid YAML: .*nobody/],
    ['a key that is there twice', 'a: 1\na: 2', /x: not valid YAML: Map keys must be unique at line 2/],
    ['a merge of what is no mapping', 'a: &a 1\nb: { <<: *a }', /x: not valid YAML: Merge/],
    [
      'a bomb of aliases',
      `a: &a [x, x]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm']
        .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghijkl'[i]}`).join(', ')}]`)
        .join('\n')}`,
      /x: not valid YAML: Excessive alias count/,
    ],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseYaml(text, 'x')).toThrow(UserError);
    expect(() => parseYaml(text, 'x')).toThrow(message);
  });

  it('reads YAML, JSON and nothing', () => {
    expect(parseYaml('steps: 3 # three', 'x')).toEqual({ steps: 3 });
    expect(parseYaml('{"steps": 3}', 'x')).toEqual({ steps: 3 });
    expect(parseYaml('', 'x')).toBeUndefined();
  });

  it.each([
    ['an alias of nothing', 'steps: *none', /not valid YAML: Unresolved alias/],
    ['aliases that multiply', bomb.join('\n'), /not valid YAML: Excessive alias count/],
    ['deep nesting', '['.repeat(50_000), /not valid YAML: /],
    ['a bad indentation', 'a:\n  b: 1\n c: 2', /not valid YAML: .* at line/],
    ['a text without end', 'a'.repeat(2 ** 20 + 1), /1048577 characters, and at most 1048576 make sense/],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseYaml(text, 'config: my.yaml')).toThrow(UserError);
    expect(() => parseYaml(text, 'config: my.yaml')).toThrow(message);
    expect(() => parseYaml(text, 'config: my.yaml')).toThrow(/^config: my\.yaml: /);
  });
});

describe('files of settings and studies under attack', () => {
  const pieces = fc.constantFrom(
    ...[
      'steps',
      ': ',
      '3',
      '- ',
      '\n',
      '  ',
      '&a ',
      '*a',
      '*b',
      '<<: ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '|',
      '>',
      '? ',
      '!!int ',
      '%',
    ],
    ...[
      'preset',
      'tiny',
      'arms',
      'name',
      'title',
      'null',
      '.inf',
      '1e999',
      '0x1F',
      '2001-01-01',
      '__proto__',
      '\t',
      '#',
      ',',
    ],
  );

  it('property: any text gives settings, a study or a UserError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 25 }), async (words) => {
        writeFileSync(path('any.yaml'), words.join(''));
        try {
          resolveRunConfig({ file: readConfigFile(path('any.yaml')) });
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
        await loadStudy(path('any.yaml')).catch((error: unknown) => {
          if (!(error instanceof UserError)) throw error;
        });
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});
