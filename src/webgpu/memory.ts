// Which places tensors get: in slabs of the backend, or, while a computation is recorded, in slabs that it keeps.

import type { Commands, Dispatch } from './commands.ts';
import { type Place, Slabs } from './slabs.ts';

/** What a recorded computation keeps: its memory, and its dispatches. */
export interface Kept {
  readonly slabs: Slabs;
  /** Places whose contents came from the host: nothing else may be written there. */
  readonly constants: Slabs;
  readonly dispatches: Dispatch[];
}

/** Places of tensors. */
export class Memory {
  readonly commands: Commands;
  readonly #largest: number;
  readonly #slabs: Slabs;
  /** Written by the host, which does not wait for commands, so they are used again only after a submission. */
  readonly #uploads: Slabs;
  /** With the number of submissions before they were freed. */
  #freedUploads: { readonly place: Place; readonly submits: number }[] = [];
  #kept: Kept | null = null;

  constructor(commands: Commands) {
    const { maxStorageBufferBindingSize, maxBufferSize } = commands.device.limits;
    this.commands = commands;
    this.#largest = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    this.#slabs = this.#newSlabs();
    this.#uploads = this.#newSlabs();
  }

  /** In places of the backend, those of recordings and uploads not included. */
  get bytesUsed(): number {
    return this.#slabs.bytesUsed;
  }

  /** A place with undefined contents. */
  allocate(bytes: number): Place {
    return (this.#kept?.slabs ?? this.#slabs).allocate(bytes);
  }

  /** A place with these contents. */
  upload(values: ArrayBufferView<ArrayBuffer>): Place {
    this.#reuseUploads();
    const place = (this.#kept?.constants ?? this.#uploads).allocate(values.byteLength);
    this.write(place, values);
    return place;
  }

  /** Writes at once, before all commands that were not submitted. */
  write({ buffer, offset }: Place, values: ArrayBufferView<ArrayBuffer>): void {
    this.commands.device.queue.writeBuffer(buffer, offset, values.buffer, values.byteOffset, values.byteLength);
  }

  free(place: Place): void {
    const kept = this.#kept;
    if (kept?.slabs.has(place)) kept.slabs.free(place);
    else if (kept?.constants.has(place)) return;
    else if (this.#slabs.has(place)) this.#slabs.free(place);
    else if (this.#uploads.has(place)) this.#freedUploads.push({ place, submits: this.commands.work.submits });
  }

  /** From now on, memory belongs to the recording that is returned. */
  startRecording(): Kept {
    this.#kept = { slabs: this.#newSlabs(), constants: this.#newSlabs(), dispatches: [] };
    this.commands.record(this.#kept.dispatches);
    return this.#kept;
  }

  endRecording(): void {
    this.#kept = null;
    this.commands.record(null);
  }

  /** Gives back what nothing uses. */
  trim(): void {
    this.commands.submit();
    this.#reuseUploads();
    this.#slabs.trim();
    this.#uploads.trim();
  }

  dispose(): void {
    this.#slabs.dispose();
    this.#uploads.dispose();
  }

  #reuseUploads(): void {
    const { work, isPending } = this.commands;
    const stillWaits = ({ submits }: { submits: number }) => isPending && submits === work.submits;
    for (const freed of this.#freedUploads) if (!stillWaits(freed)) this.#uploads.free(freed.place);
    this.#freedUploads = this.#freedUploads.filter(stillWaits);
  }

  #newSlabs(): Slabs {
    return new Slabs(this.commands, this.#largest);
  }
}
