import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { refuseUsedFolder } from '../../src/io/used-folder.ts';
import { useTempFolder } from './helpers.ts';

describe('refuseUsedFolder', () => {
  const path = useTempFolder();
  const refuse = (folder: string) => refuseUsedFolder(folder, 'run', 'run.json', (found) => `; found ${found.length}`);

  it('takes a folder that is empty, not there, or has nothing but locks and a file that was never finished', () => {
    refuse(path('new'));
    mkdirSync(path('new'));
    refuse(path('new'));
    writeFileSync(path('new', 'run.lock'), '');
    writeFileSync(path('new', 'run.lock-aside'), '');
    writeFileSync(path('new', 'run.json.tmp'), '');
    refuse(path('new'));
  });

  it('names the first thing it finds, and ends with the advice', () => {
    for (const name of ['run.lock', 'b.txt', 'a.txt']) writeFileSync(path(name), '');
    expect(() => refuse(path())).toThrow(new UserError(`run: ${path()} is not empty (it has a.txt); found 2`));
  });

  it('says so when it is no folder', () => {
    writeFileSync(path('file'), '');
    expect(() => refuse(path('file'))).toThrow(/^run: cannot read .*file: .*not a folder.*ENOTDIR/);
  });
});
