// Code of strangers runs in a process that is ended at a limit: it holds up nobody and takes no memory that is not
// there.

import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { LimitedProcess } from '../../src/data/foreign-code/limited-process.ts';
import { TimeUp, withinSeconds } from '../../src/data/foreign-code/time-limit.ts';
import { UserError } from '../../src/errors.ts';
import { useTempFolder } from '../io/helpers.ts';

const path = useTempFolder();
const entry = new URL('../../src/data/foreign-code/process-entry.ts', import.meta.url);

/** A process whose code is the body of a function of `input`. */
function processOf(body: string, seconds = 60): LimitedProcess {
  const file = path('entry.mjs');
  writeFileSync(file, `import { answerCalls } from '${entry}'; answerCalls(() => (input) => { ${body} });`);
  const limits = { what: 'test: the code', remedy: 'write another', readSeconds: 60, seconds, memory: 64 };
  return new LimitedProcess(pathToFileURL(file), null, limits);
}

const endless = 'for (; input === "loop"; ); return input;';

describe('LimitedProcess', () => {
  it('answers calls in their order, also after it was closed', async () => {
    const child = processOf('return input * 2;');
    expect(await Promise.all([1, 2, 3].map((input) => child.call(input)))).toEqual([2, 4, 6]);
    child.close();
    expect(await child.call(7)).toBe(14);
    child.close();
  });

  it('hands on what the code throws, and goes on', async () => {
    const child = processOf('if (input === null) throw new TypeError("no null"); return input;');
    await expect(child.call(null)).rejects.toThrow('no null');
    expect(await child.call(11)).toBe(11);
    child.close();
  });

  it('ends what does not end, while timers run, and starts again', async () => {
    const child = processOf(endless, 0.3);
    const call = child.call('loop');
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await expect(call).rejects.toThrow(UserError);
    clearInterval(timer);
    await expect(call).rejects.toThrow('test: the code took more than 1 seconds; write another');
    expect(turns).toBeGreaterThan(1);
    child.close();
    const patient = processOf(endless);
    expect(await patient.call('text')).toBe('text');
    patient.close();
  });

  it.each([
    ['a list', 'const list = []; for (;;) list.push(list.length + 0.5);'],
    ['a text', 'let text = "x".repeat(1000); const all = []; for (;;) all.push([...text]);'],
  ])('ends what fills its memory with %s', async (_, body) => {
    await expect(processOf(body).call(1)).rejects.toThrow('test: the code took more than 64 MiB; write another');
  });

  it('drops calls that nobody waits for, the one under way included', async () => {
    const child = processOf(endless);
    const abort = new AbortController();
    const calls = ['loop', 'loop', 'loop'].map((input) => child.call(input, { signal: abort.signal }));
    const last = child.call('text');
    abort.abort(new Error('gone'));
    for (const call of calls) await expect(call).rejects.toThrow('gone');
    expect(await last).toBe('text');
    child.close();
  });
});

describe('withinSeconds', () => {
  it('hands on what comes of the work', () => {
    expect(withinSeconds(60, () => 7)).toBe(7);
    expect(() => withinSeconds(60, () => JSON.parse('{'))).toThrow(SyntaxError);
  });

  it.each<[string, () => unknown]>([
    [
      'a loop',
      () => {
        for (;;);
      },
    ],
    ['a regular expression', () => /^(a+)+$/.test(`${'a'.repeat(64)}b`)],
  ])('ends %s', (_, work) => {
    expect(() => withinSeconds(0.1, work)).toThrow(TimeUp);
  });
});
