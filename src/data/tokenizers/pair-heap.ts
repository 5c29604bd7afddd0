// A binary heap of number pairs. Merging by rank and training by count both take the smallest of a changing set.

export interface PairHeap {
  readonly size: number;
  push(first: number, second: number): void;
  /** Removes the smallest pair (by `first`, then by `second`) and returns it; undefined when empty. */
  pop(): readonly [first: number, second: number] | undefined;
}

/** An empty heap. */
export function createPairHeap(): PairHeap {
  const firsts: number[] = [];
  const seconds: number[] = [];

  const isBelow = (i: number, j: number): boolean =>
    firsts[i]! < firsts[j]! || (firsts[i] === firsts[j] && seconds[i]! < seconds[j]!);
  const swap = (i: number, j: number): void => {
    [firsts[i], firsts[j]] = [firsts[j]!, firsts[i]!];
    [seconds[i], seconds[j]] = [seconds[j]!, seconds[i]!];
  };
  const siftUp = (start: number): void => {
    for (let i = start; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!isBelow(i, parent)) return;
      swap(i, parent);
      i = parent;
    }
  };
  const siftDown = (): void => {
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) if (child < firsts.length && isBelow(child, least)) least = child;
      if (least === i) return;
      swap(i, least);
      i = least;
    }
  };

  return {
    get size() {
      return firsts.length;
    },
    push(first, second) {
      firsts.push(first);
      seconds.push(second);
      siftUp(firsts.length - 1);
    },
    pop() {
      if (firsts.length === 0) return undefined;
      swap(0, firsts.length - 1);
      const top = [firsts.pop()!, seconds.pop()!] as const;
      siftDown();
      return top;
    },
  };
}
