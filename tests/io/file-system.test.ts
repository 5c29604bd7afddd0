import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from '../../src/io/file-system.ts';

describe('makeFolder', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'tinyseek-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('makes a folder and those above it, and leaves one that is there alone', () => {
    const folder = join(dir, 'a', 'b', 'c');
    makeFolder(folder);
    makeFolder(folder);
    expect(statSync(folder).isDirectory()).toBe(true);
  });

  it('throws when a file is in the way', () => {
    writeFileSync(join(dir, 'file'), '');
    expect(() => makeFolder(join(dir, 'file'))).toThrow('EEXIST');
    expect(() => makeFolder(join(dir, 'file', 'below'))).toThrow('ENOTDIR');
  });

  it.runIf(platform() === 'linux')('throws where nothing can be made, instead of trying for ever', () => {
    expect(() => makeFolder('/proc/tinyseek/run')).toThrow('ENOENT');
  });
});
