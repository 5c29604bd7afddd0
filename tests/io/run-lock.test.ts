import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { isRunning, thisProcess } from '../../src/io/process-identity.ts';
import { lockRun } from '../../src/io/run-lock.ts';
import { useTempFolder } from './helpers.ts';

const path = useTempFolder();

/** The number of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

function writeLock(holder: unknown): void {
  writeFileSync(path('run.lock'), JSON.stringify(holder));
}

describe('lockRun', () => {
  it('creates the folder, and leaves nothing behind on release', () => {
    const release = lockRun(path('new', 'run'));
    expect(readdirSync(path('new', 'run'))).toEqual(['run.lock']);
    release();
    release();
    expect(readdirSync(path('new', 'run'))).toEqual([]);
    lockRun(path('new', 'run'))();
  });

  it('refuses a second holder, and names the first by its pid', () => {
    const release = lockRun(path());
    expect(() => lockRun(path())).toThrow(UserError);
    expect(() => lockRun(path())).toThrow(`another process (pid ${process.pid}) is using this folder`);
    expect(readdirSync(path())).toEqual(['run.lock']);
    release();
  });

  it('refuses a folder that another living process holds', () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    writeLock({ pid: child.pid, host: hostname(), started: null });
    expect(() => lockRun(path())).toThrow(`pid ${child.pid}`);
    child.kill();
  });

  it('refuses a folder that another machine holds, since nobody can tell from here', () => {
    writeLock({ pid: deadPid(), host: `not-${hostname()}`, started: null });
    expect(() => lockRun(path())).toThrow(`on not-${hostname()}) is using this folder`);
    expect(() => lockRun(path())).toThrow(`delete ${path('run.lock')}`);
  });

  it.each([
    ['of a dead process', () => ({ pid: deadPid(), host: hostname(), started: null })],
    ['whose number another process has by now', () => ({ ...thisProcess(), started: 'an earlier boot/1' })],
    ['that is no lock', () => ['?']],
    ['with an impossible number', () => ({ pid: -1, host: hostname(), started: null })],
  ])('takes over a lock %s', (_, holder) => {
    writeLock(holder());
    const release = lockRun(path());
    expect(readFileSync(path('run.lock'), 'utf8')).toContain(`"pid":${process.pid}`);
    expect(readdirSync(path())).toEqual(['run.lock']);
    release();
  });

  it('takes over a lock that is empty, and leaves on release what another process has taken over', () => {
    writeFileSync(path('run.lock'), '');
    const release = lockRun(path());
    writeLock({ pid: 1, host: hostname(), started: null });
    release();
    expect(existsSync(path('run.lock'))).toBe(true);
  });

  it('says why it cannot lock', () => {
    writeFileSync(path('file'), '');
    expect(() => lockRun(path('file'))).toThrow(UserError);
    expect(() => lockRun(path('file', 'run'))).toThrow(/cannot lock .*ENOTDIR/);
  });
});

describe('isRunning', () => {
  it('knows this process, a dead one, and the same number at another time', () => {
    expect(isRunning(thisProcess())).toBe(true);
    expect(isRunning({ ...thisProcess(), pid: deadPid() })).toBe(false);
    expect(isRunning({ ...thisProcess(), started: null })).toBe(true);
  });
});
