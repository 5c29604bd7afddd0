import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDataSpec } from '../../src/data/corpora/spec.ts';
import { UserError } from '../../src/errors.ts';

describe('parseDataSpec', () => {
  it('reads names, paths and globs with and without weights', () => {
    expect(parseDataSpec('moby-dick:2, code:1,./notes/*.md')).toEqual([
      { source: 'moby-dick', weight: 2 },
      { source: 'code', weight: 1 },
      { source: './notes/*.md', weight: 1 },
    ]);
  });

  it('takes the colon of a Windows drive for a part of the path', () => {
    expect(parseDataSpec('C:\\texts\\a.txt,D:/b.md:0.5,C:x')).toEqual([
      { source: 'C:\\texts\\a.txt', weight: 1 },
      { source: 'D:/b.md', weight: 0.5 },
      { source: 'C:x', weight: 1 },
    ]);
  });

  it('leaves commas inside braces to the glob', () => {
    expect(parseDataSpec('notes/{a,b}.md:3,math')).toEqual([
      { source: 'notes/{a,b}.md', weight: 3 },
      { source: 'math', weight: 1 },
    ]);
  });

  it.each([
    ['', /empty part/],
    ['math,,code', /empty part/],
    ['math:0', /positive number, found 0/],
    ['math:-1', /positive number, found -1/],
    ['math:1e999', /positive number/],
    [':2', /no source/],
    ['math,math:2', /more than once/],
  ])('refuses %j and says what to write', (spec, message) => {
    expect(() => parseDataSpec(spec)).toThrow(UserError);
    expect(() => parseDataSpec(spec)).toThrow(message);
  });

  it('property: gives back the parts it was made of', () => {
    const source = fc.stringMatching(/^[a-z][a-z./\\-]{0,11}$/);
    const part = fc.record({ source, weight: fc.integer({ min: 1, max: 997 }) });
    fc.assert(
      fc.property(fc.uniqueArray(part, { minLength: 1, maxLength: 5, selector: (p) => p.source }), (parts) => {
        const spec = parts.map((p) => `${p.source}:${p.weight}`).join(',');
        expect(parseDataSpec(spec)).toEqual(parts);
      }),
    );
  });

  it('property: any text gives sources with positive weights or a UserError', () => {
    fc.assert(
      fc.property(fc.string(), (spec) => {
        try {
          for (const { weight } of parseDataSpec(spec)) expect(weight).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });
});
