import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publish } from '../../tools/publish.ts';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'tinyseek-publish-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** Writes files into a folder of the scratch folder, and gives its path. */
function folderWith(name: string, files: Record<string, string>): string {
  const folder = join(scratch, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

describe('publish', () => {
  it('fills an empty place', () => {
    const dist = join(scratch, 'dist');
    publish(folderWith('built', { 'index.js': 'a', 'cli/main.js': 'b' }), dist);
    expect(readFileSync(join(dist, 'index.js'), 'utf8')).toBe('a');
    expect(readFileSync(join(dist, 'cli/main.js'), 'utf8')).toBe('b');
  });

  it('replaces what changed, leaves what is the same untouched, and removes what is no longer built', () => {
    const dist = folderWith('dist', { same: 'a', changed: 'b', 'old/gone': 'c' });
    const before = statSync(join(dist, 'same')).ino;
    publish(folderWith('built', { same: 'a', changed: 'B', new: 'd' }), dist);
    expect(statSync(join(dist, 'same')).ino).toBe(before);
    expect(readFileSync(join(dist, 'changed'), 'utf8')).toBe('B');
    expect(readFileSync(join(dist, 'new'), 'utf8')).toBe('d');
    expect(existsSync(join(dist, 'old/gone'))).toBe(false);
  });

  it('replaces a file rather than writing into it, so that whoever has it open reads on', () => {
    const dist = folderWith('dist', { changed: 'b' });
    const before = statSync(join(dist, 'changed')).ino;
    publish(folderWith('built', { changed: 'B' }), dist);
    expect(statSync(join(dist, 'changed')).ino).not.toBe(before);
  });

  it.skipIf(process.platform === 'win32')('makes a file executable whose text is the same', () => {
    const [dist, built] = [folderWith('dist', { 'main.js': 'a' }), folderWith('built', { 'main.js': 'a' })];
    chmodSync(join(dist, 'main.js'), 0o644);
    chmodSync(join(built, 'main.js'), 0o755);
    publish(built, dist);
    expect(statSync(join(dist, 'main.js')).mode & 0o777).toBe(0o755);
  });
});
