import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { loadStudy } from '../../src/experiments/load-study.ts';
import { tempFolder } from '../data/temp-folder.ts';

const folder = tempFolder();
const write = (text: string, name = 'mine.yaml') => folder.write(name, text);

const whole = `
title: Does a wider latent help?
equal: Equal tokens.
arms:
  - name: narrow
    modelChanges: { kvLoraRank: 16 }
  - name: wide
    modelChanges: { kvLoraRank: 48 }
hypotheses:
  - claim: Wide is better.
    metric: loss
    arm: wide
    against: narrow
    expect: { below: 0 }
`;

describe('loadStudy', () => {
  it('finds the studies that come with TinySeek', async () => {
    expect((await loadStudy('balance')).source).toBe('balance');
  });

  it('offers the nearest name for an unknown one', async () => {
    await expect(loadStudy('ballance')).rejects.toThrow(
      /did you mean balance\? Studies: balance, .*; or name a \.yaml/,
    );
  });

  it('reads YAML, named after its file, with defaults for what is left out', async () => {
    const path = write(whole);
    const { study, source } = await loadStudy(path);
    expect(source).toBe(resolve(path));
    expect(study).toMatchObject({ name: 'mine', preset: 'tiny', paper: [], metrics: [{ key: 'loss' }] });
    expect(study.arms.map(({ name, modelChanges }) => [name, modelChanges])).toEqual([
      ['narrow', { kvLoraRank: 16 }],
      ['wide', { kvLoraRank: 48 }],
    ]);
  });

  it('imports the default export of a module, hooks included', async () => {
    const path = write(
      `export default { title: 'T', equal: 'Equal.', arms: [{ name: 'a' }, { name: 'b' }], evaluate: async () => ({ five: 5 }) };`,
      'mine.mjs',
    );
    const { study } = await loadStudy(path);
    expect(await study.evaluate?.({} as never)).toEqual({ five: 5 });
  });

  it.each([
    ['title: [', /not valid YAML/],
    ['title: T\nequal: E.\narms: [{ name: a }]', /arms: at least two arms/],
    ['title: T\nequal: E.\narms: [{ name: a }, { name: a }]', /two arms are called a/],
    ['title: T\nequal: E.\narms: [{ name: a }, { name: b, modelChange: {} }]', /arms\.1.*modelChange/],
    ['title: T\nequal: E.\narms: [{ name: a }, { name: b/c }]', /arms\.1\.name: a name of letters/],
    [
      'title: T\nequal: E.\narms: [{ name: a }, { name: b, modelChanges: { nRoutedExperts: 7 } }]',
      /arm b: .*nRoutedExperts \(7\) must be divisible/,
    ],
    ['arms: [{ name: a }, { name: b }]', /title: /],
    [whole.replace('against: narrow', 'against: narow'), /is about arm narow, which there is not; arms: narrow, wide/],
    [whole.replace('{ below: 0 }', '{ under: 0 }'), /hypotheses\.0\.expect/],
  ])('refuses what cannot be run: %#', async (text, message) => {
    const path = write(text);
    await expect(loadStudy(path)).rejects.toThrow(UserError);
    await expect(loadStudy(path)).rejects.toThrow(message);
  });

  it('says so when a file is not there, or exports nothing', async () => {
    await expect(loadStudy('none.yaml')).rejects.toThrow(/study: cannot read .*none\.yaml: no such file/);
    await expect(loadStudy('none.ts')).rejects.toThrow(/there is no such file/);
    await expect(loadStudy(write('export const x = 1;', 'empty.mjs'))).rejects.toThrow(/has no default export/);
  });
});
