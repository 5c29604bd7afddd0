// When charts are drawn again: soon after there is something new, but never so often that drawing takes more than a
// part of the page's time. A page that is slow, or not looked at, draws less often in place of falling behind.

import { batch, type Signal } from '@preact/signals';

/** The page rests so many times as long as it drew, and at most a second. */
const rest = 3;
const longestRest = 1000;

const waiting = new Set<Signal<number>>();
let isBusy = false;

/** Counts a version up, which draws what depends on it, as soon as the page has time. */
export function redraw(version: Signal<number>): void {
  waiting.add(version);
  if (!isBusy) begin();
}

function begin(): void {
  isBusy = true;
  requestAnimationFrame(() => {
    const began = performance.now();
    const versions = [...waiting];
    waiting.clear();
    batch(() => {
      for (const version of versions) version.value++;
    });
    requestAnimationFrame(() => setTimeout(() => restFor(performance.now() - began)));
  });
}

function restFor(drawing: number): void {
  setTimeout(
    () => {
      isBusy = false;
      if (waiting.size > 0) begin();
    },
    Math.min(longestRest, rest * drawing),
  );
}
