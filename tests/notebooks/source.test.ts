// Notebooks as text: how cells are found, and what a solved notebook is.

import { describe, expect, it } from 'vitest';
import { parseCells, solved } from '../../tools/notebooks/source.ts';

const source = `// %% [markdown]
// # Title
//
// Text, with \`code\`.

// %%
const a = 1; // a comment

// %% [exercise]
const b = 0;

// %% [solution]
// const b = a;
//   // indented

// %%
console.log(b);
`;

describe('the source of a notebook', () => {
  it('is cells of prose, code, exercises and solutions', () => {
    expect(parseCells(source)).toEqual([
      { type: 'markdown', source: '# Title\n\nText, with `code`.' },
      { type: 'code', source: 'const a = 1; // a comment' },
      { type: 'exercise', source: 'const b = 0;' },
      { type: 'solution', source: 'const b = a;\n  // indented' },
      { type: 'code', source: 'console.log(b);' },
    ]);
  });

  it('has its exercise done once it is solved', () => {
    expect(solved(parseCells(source))[2]!.source).toBe('const b = a;\n  // indented');
    expect(() => solved(parseCells('// %% [exercise]\nconst b = 0;'))).toThrow('an exercise has no solution');
  });

  it.each([
    ['text before the first cell', 'const a = 1;', 'begins with "// %%"'],
    ['an unknown type of cell', '// %% [table]', 'not table'],
    ['prose that is code', '// %% [markdown]\nconst a = 1;', 'prose is in comments'],
  ])('is refused with %s', (_, text, message) => {
    expect(() => parseCells(text)).toThrow(message);
  });
});
