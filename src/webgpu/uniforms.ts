// Numbers that a kernel is told: sizes, strides, learning rates. Each set of numbers has a place of 256 bytes.

import type { Commands } from './commands.ts';

const slotBytes = 256;
const slots = 1024;
const changingSlots = 64;

/** Numbers in places of two buffers: one for those that repeat themselves, one for those that do not. */
export class Uniforms {
  readonly #commands: Commands;
  readonly #known = new Map<string, number>();
  readonly #changing: GPUBuffer;
  #buffer: GPUBuffer;
  #next = 0;
  /** Places of changing numbers that commands not yet submitted use. */
  #waiting = 0;
  #submits = 0;

  constructor(commands: Commands) {
    this.#commands = commands;
    this.#buffer = this.#create(slots);
    this.#changing = this.#create(changingSlots);
  }

  /**
   * The binding of numbers that are likely to be asked for again, such as sizes. They are written once and found again
   * by their contents, so a step that repeats itself writes nothing. At most 256 bytes.
   */
  bind(bytes: ArrayBuffer): GPUBufferBinding {
    const key = String.fromCharCode(...new Uint16Array(bytes));
    let slot = this.#known.get(key);
    if (slot === undefined) {
      // Bind groups that recordings keep hold on to the old buffer, which therefore is not destroyed.
      if (this.#known.size === slots) {
        this.#known.clear();
        this.#buffer = this.#create(slots);
      }
      slot = this.#known.size;
      this.#known.set(key, slot);
      this.#write(this.#buffer, slot, bytes);
    }
    return { buffer: this.#buffer, offset: slot * slotBytes, size: Math.max(16, bytes.byteLength) };
  }

  /** The binding of numbers that differ each time, such as learning rates; not for recordings. */
  bindChanging(bytes: ArrayBuffer): GPUBufferBinding {
    const { submits } = this.#commands.work;
    if (submits !== this.#submits) [this.#submits, this.#waiting] = [submits, 0];
    if (this.#waiting === changingSlots) this.#commands.submit();
    const slot = this.#next;
    this.#next = (slot + 1) % changingSlots;
    this.#waiting++;
    this.#write(this.#changing, slot, bytes);
    return { buffer: this.#changing, offset: slot * slotBytes, size: Math.max(16, bytes.byteLength) };
  }

  #write(buffer: GPUBuffer, slot: number, bytes: ArrayBuffer): void {
    this.#commands.device.queue.writeBuffer(buffer, slot * slotBytes, bytes);
  }

  #create(count: number): GPUBuffer {
    return this.#commands.createBuffer(count * slotBytes, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
  }
}
