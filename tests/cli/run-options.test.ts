import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultRunDir, settings } from '../../src/cli/run-options.ts';

describe('options that choose settings', () => {
  it('become settings, the shorthands after --set', () => {
    const options = { set: ['kvLoraRank=48', 'steps=3'], steps: '7', seqLen: '11', data: 'a:2,b:1' };
    expect(settings(options)).toEqual(['kvLoraRank=48', 'steps=3', 'data=a:2,b:1', 'steps=7', 'seqLen=11']);
    expect(settings({})).toEqual([]);
  });
});

describe('the default run folder', () => {
  const noon = new Date(2026, 0, 2, 12, 3, 4);

  it('is named after preset, data and local time', () => {
    expect(defaultRunDir({ preset: 'mini' }, 'moby-dick:2,code:1', noon)).toBe(
      join('runs', 'mini-moby-dick-2-code-1-20260102-120304'),
    );
    expect(defaultRunDir({}, 'moby-dick', noon)).toBe(join('runs', 'tiny-moby-dick-20260102-120304'));
  });

  it('takes the last part of paths and nothing a shell would choke on', () => {
    expect(defaultRunDir({ config: 'a/my run.yaml' }, '../texts/*.md,/home/me/notes.txt', noon)).toBe(
      join('runs', 'my-run-md-notes.txt-20260102-120304'),
    );
    expect(defaultRunDir({}, '..', noon)).toBe(join('runs', 'tiny-20260102-120304'));
  });
});
