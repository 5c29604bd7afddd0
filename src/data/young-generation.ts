// Keeps the garbage of reading small in Node. V8 lets the space of short-lived objects grow to 32 MiB and more, three
// of them, and does not give it back: of the memory that a long text takes beside its tokens that is the larger half.

import { setFlagsFromString } from 'node:v8';

/** V8's default: the space doubles each time that much of it survives. */
const usualGrowth = 2;

let readers = 0;

/**
 * What `work` resolves to. Until then the space of short-lived objects does not grow. V8 reads this setting whenever it
 * considers growth, so it can change while the program runs; where it is unknown nothing changes but the memory.
 */
export async function withSmallYoungGeneration<T>(work: () => Promise<T>): Promise<T> {
  if (readers++ === 0) setGrowth(1);
  try {
    return await work();
  } finally {
    if (--readers === 0) setGrowth(usualGrowth);
  }
}

function setGrowth(factor: number): void {
  setFlagsFromString(`--semi-space-growth-factor=${factor}`);
}
