import { describe, expect, it } from 'vitest';
import { listCorpora, loadBuiltIn } from '../../src/data/corpora/built-in.ts';
import { htmlArticles } from '../../src/data/corpora/languages.ts';
import { generateMath } from '../../src/data/corpora/math.ts';

describe('built-in corpora', () => {
  it.each(listCorpora().map((corpus) => corpus.name))('%s has documents with text, and says what it is', (name) => {
    const documents = loadBuiltIn(name) ?? [];
    expect(documents.length).toBeGreaterThan(50);
    expect(documents.every((text) => text.trim() !== '' && !text.includes('\0'))).toBe(true);
    const description = listCorpora().find((corpus) => corpus.name === name);
    expect(Object.values(description ?? {}).every((value) => value !== '')).toBe(true);
  });

  it('has Moby Dick chapter by chapter, in order', () => {
    const documents = loadBuiltIn('moby-dick') ?? [];
    expect(documents).toHaveLength(138);
    expect(documents[2]).toMatch(/^CHAPTER 1\. Loomings\.\n\nCall me Ishmael\./);
    expect(documents.at(-1)).toMatch(/^Epilogue/i);
  });

  it('has code without the licence notice that every file repeats', () => {
    const documents = loadBuiltIn('code') ?? [];
    expect(documents.filter((text) => text.includes('Copyright (c) Microsoft'))).toHaveLength(0);
    expect(documents.some((text) => text.includes('interface Array<T>'))).toBe(true);
  });

  it('does not know other names', () => {
    expect(loadBuiltIn('moby')).toBeUndefined();
  });
});

describe('generateMath', () => {
  const documents = generateMath(100_003, 7);
  const text = documents.join('');

  it('is the same for the same seed and another for another', () => {
    expect(generateMath(100_003, 7)).toEqual(documents);
    expect(generateMath(100_003, 8)).not.toEqual(documents);
  });

  it('makes at least the bytes asked for, in documents that are all different', () => {
    expect(text.length).toBeGreaterThanOrEqual(100_003);
    expect(new Set(documents).size).toBe(documents.length);
  });

  it('is right: every equation of two numbers in it holds', () => {
    const equations = [...text.matchAll(/(?<![\d*/+-] ?)(-?\d+) ([-+*]) (\d+) = (-?\d+)(?!\d| [-+*/])/g)];
    expect(equations.length).toBeGreaterThan(1000);
    for (const [whole, left, operator, right, result] of equations) {
      const [a, b] = [Number(left), Number(right)];
      expect(operator === '+' ? a + b : operator === '-' ? a - b : a * b, whole).toBe(Number(result));
    }
  });

  it('writes the carry of each column', () => {
    const [steps] = /^\d{2} \+ \d{2}: .*$/m.exec(text) ?? [''];
    expect(steps).toMatch(
      /^(\d+) \+ (\d+): \d\+\d=\d+ write \d carry [01]; \d\+\d(\+1)?=\d+ write \d carry [01]\. \1 \+ \2 = \d+$/,
    );
  });
});

describe('htmlArticles', () => {
  it('keeps headings and paragraphs of each section, a line each, with character references resolved', () => {
    const html = `<body><h1>Title</h1><header><h2>Pre</h2><p>A &#x26; <b>B</b></p></header>
      <article data-number="1"><h2>One</h2><ol><li><p>first
        line</p></li></ol></article></body>`;
    expect(htmlArticles(html)).toEqual(['Pre\nA & B\n', 'One\nfirst line\n']);
  });
});
