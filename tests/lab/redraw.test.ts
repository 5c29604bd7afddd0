import { join } from 'node:path';
import { effect, signal } from '@preact/signals';
import { afterEach, expect, it, vi } from 'vitest';

// Its types are those of a page, which the tests do not have.
const { redraw } = await import(join(import.meta.dirname, '../../lab/src/state/redraw.ts'));

afterEach(() => vi.unstubAllGlobals());

/** A page whose clock the test moves: frames are 16 ms apart. */
function stubPage() {
  let now = 0;
  let due: { readonly at: number; readonly call: () => void }[] = [];
  const later = (call: () => void, milliseconds: number) => void due.push({ at: now + milliseconds, call });
  vi.stubGlobal('requestAnimationFrame', (call: () => void) => later(call, 16));
  vi.stubGlobal('setTimeout', (call: () => void, milliseconds = 0) => later(call, milliseconds));
  vi.stubGlobal('performance', { now: () => now });
  return {
    spend: (milliseconds: number) => {
      now += milliseconds;
    },
    runUntil: (end: number, each: () => void) => {
      while (now < end) {
        each();
        const [next] = due.toSorted((a, b) => a.at - b.at);
        if (next === undefined) throw new Error('nothing is due');
        due = due.filter((one) => one !== next);
        now = Math.max(now, next.at);
        next.call();
      }
    },
  };
}

it('draws many changes at once, and takes no more than a part of the time of a page where drawing is slow', () => {
  const page = stubPage();
  const version = signal(0);
  let drawings = 0;
  effect(() => {
    version.value;
    drawings++;
    page.spend(150);
  });
  page.runUntil(10_000, () => {
    for (let i = 0; i < 10; i++) redraw(version);
  });
  // 10 s hold 66 drawings of 150 ms; with three times as long of rest after each there are about 15.
  expect(drawings).toBeGreaterThan(8);
  expect(drawings).toBeLessThan(20);
});
