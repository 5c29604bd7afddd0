// The notebooks as they lie in the repository. That their outputs are those of their sources is checked by
// `npm run notebooks -- --check`, which executes them; here it is what can be seen without.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lessonFolder, lessonNames, notebookFile, readLesson } from '../../tools/notebooks/lessons.ts';
import { isCode } from '../../tools/notebooks/source.ts';

interface WrittenCell {
  readonly cell_type: string;
  readonly source: readonly string[];
  readonly outputs?: readonly { readonly data?: Readonly<Record<string, string | readonly string[]>> }[];
}

const readWritten = (name: string): WrittenCell[] => JSON.parse(readFileSync(notebookFile(name), 'utf8')).cells;

/** What GitHub takes out of a picture, and what it does not draw. */
const taken = /<script|<style|<foreignObject|<image| style=| class=| on\w+=|href=|url\(/;

describe.each(lessonNames())('lesson %s', (name) => {
  const cells = readLesson(name);
  const written = readWritten(name);

  it('has the cells of its source', () => {
    expect(written.map(({ cell_type }) => cell_type)).toEqual(
      cells.map((cell) => (isCode(cell) ? 'code' : 'markdown')),
    );
    for (const [i, cell] of cells.entries()) expect(written[i]!.source.join('')).toContain(cell.source);
  });

  it('asks the reader to guess, and has an exercise with a solution', () => {
    expect(cells.some(({ type, source }) => type === 'markdown' && /\bguess\b/i.test(source))).toBe(true);
    const kinds = cells.map(({ type }) => type).filter((type) => type === 'exercise' || type === 'solution');
    expect(kinds).toEqual(['exercise', 'solution']);
  });

  it('shows its pictures where scripts and styles are taken out, and says them in words', () => {
    const pictures = written.flatMap(({ outputs = [] }) => outputs.flatMap(({ data }) => (data ? [data] : [])));
    expect(pictures.length).toBeGreaterThan(0);
    for (const { 'image/svg+xml': svg, 'image/png': png, 'text/plain': text } of pictures) {
      expect([svg].flat().join('')).not.toMatch(taken);
      expect(Buffer.from(String(png), 'base64').subarray(1, 4).toString()).toBe('PNG');
      expect([text].flat().join('').trim()).not.toBe('');
    }
  });

  it('links to files that are there', () => {
    const prose = cells.flatMap(({ type, source }) => (type === 'markdown' ? [source] : [])).join('\n');
    const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!.replace(/#.*/, ''));
    for (const target of targets.filter((target) => target !== '' && !/^https?:/.test(target))) {
      expect(existsSync(join(lessonFolder, target)), target).toBe(true);
    }
  });
});
