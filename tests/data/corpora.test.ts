import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { listCorpora, loadBuiltIn } from '../../src/data/corpora/built-in.ts';
import { generateMath } from '../../src/data/corpora/math.ts';
import { htmlArticles } from '../../tools/corpora/languages.ts';

/** SHA-256 of the documents, a JSON string a line, when each came from its npm package or was first generated. */
const hashes: Readonly<Record<string, string>> = {
  'moby-dick': 'd8d3fa2985ce7d5d5dfb05a937dadd68d67e8320343205adfd46663bc54266a1',
  speeches: '872888b96a1f58a05b31b96f2f73bbf26f1c64e3cc316a3b7b58dac6a6317838',
  code: '3214d5693dc66d495f2e61e6286beec48919deb42d1ed72c9065f8532b23c2f0',
  math: '4b460197f1d572b57c49c38b3cefe0b42fcfdae66d97071395aacac8c3f050b4',
  languages: '56ee6bca183e0aefafd7c53a5497bbe14316b19b22b66b3c9ed22055ee797069',
  addition: 'ee74216f42258826f8b214f3c5511cb73ba12ddab4a5fc8ab0ba2dfc86111d16',
  'path-star': '6d9a17847e85f7ee77038d3fd008f0b963c27fec245e335f1f759d5282b4502d',
};

describe('built-in corpora', () => {
  it.each(listCorpora().map((corpus) => corpus.name))('%s has documents with text, and says what it is', (name) => {
    const documents = loadBuiltIn(name) ?? [];
    expect(documents.length).toBeGreaterThan(50);
    expect(documents.every((text) => text.trim() !== '' && !text.includes('\0'))).toBe(true);
    const description = listCorpora().find((corpus) => corpus.name === name);
    expect(Object.values(description ?? {}).every((value) => value !== '')).toBe(true);
  });

  it.each(listCorpora().map((corpus) => corpus.name))('%s is the same text as ever, or results would move', (name) => {
    const lines = loadBuiltIn(name)?.map((document) => `${JSON.stringify(document)}\n`) ?? [];
    expect(createHash('sha256').update(lines.join('')).digest('hex')).toBe(hashes[name]);
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

describe('the folder corpora', () => {
  const folder = new URL('../../corpora/', import.meta.url);
  const readme = readFileSync(new URL('README.md', folder), 'utf8');

  it('says of each of its texts where it comes from, and what its bytes are', () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.gz'));
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      const text = gunzipSync(readFileSync(new URL(file, folder)));
      expect(readme).toContain(`\`${createHash('sha256').update(text).digest('hex')}\``);
      expect(readme).toContain(`**${file.replace('.jsonl.gz', '')}**:`);
    }
  });

  it('has the licences that its README speaks of, and no other', () => {
    const named = [...readme.matchAll(/\((licences\/[^)]+)\)/g)].map(([, path]) => path);
    const there = readdirSync(new URL('licences/', folder)).map((name) => `licences/${name}`);
    expect([...new Set(named)].sort()).toEqual(there.sort());
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
