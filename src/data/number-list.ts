// A list of numbers that grows without being copied, outside of JavaScript's heap: a corpus has millions of documents.

const blockLength = 1 << 14;

/** Numbers by index, 8 bytes each. */
export class NumberList {
  readonly #blocks: Float64Array<ArrayBuffer>[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const at = this.#length++ % blockLength;
    if (at === 0) this.#blocks.push(new Float64Array(blockLength));
    this.#blocks.at(-1)![at] = value;
  }

  /** The number at an index; undefined beyond the last. */
  at(index: number): number | undefined {
    return index < this.#length ? this.#blocks[Math.floor(index / blockLength)]![index % blockLength] : undefined;
  }

  /** All numbers, one after another. */
  toArray(): Float64Array<ArrayBuffer> {
    const all = new Float64Array(this.#length);
    for (const [i, block] of this.#blocks.entries()) {
      all.set(block.subarray(0, this.#length - i * blockLength), i * blockLength);
    }
    return all;
  }
}
