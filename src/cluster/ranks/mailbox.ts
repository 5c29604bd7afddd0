// Messages between ranks, each a thread: the contents lie in memory that both sides share, and only a note of where
// goes through a port. A sender never waits. A receiver that must wait sleeps, so ranks may outnumber cores.

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Purpose } from './bytes.ts';

/** Numbers on the way from one rank to another. */
export type Payload = readonly (
  | Float32Array<SharedArrayBuffer>
  | Uint16Array<SharedArrayBuffer>
  | Uint8Array<SharedArrayBuffer>
)[];

/** How a rank reaches the others. */
export interface Wiring {
  readonly rank: number;
  /** By rank; null for itself. The last one is that of the conductor, the thread that started the ranks. */
  readonly ports: readonly (MessagePort | null)[];
  /** One counter a rank, which rises with every message for it, and then one that is not 0 once a rank has failed. */
  readonly bells: SharedArrayBuffer;
}

/** Thrown in a rank that waits for a message when another one has failed. */
export class OtherRankFailed extends Error {}

interface Note {
  readonly tag: string;
  readonly contents: unknown;
}

/** What a rank uses of its mailbox. */
export type RankMail = Pick<Mailbox, 'rank' | 'sent' | 'sentBetweenNodes' | 'send' | 'receive'>;

/** The messages of one rank. Those of one sender are told apart by their tag, in whatever order they come. */
export class Mailbox {
  readonly rank: number;
  /** Bytes sent to other ranks since the start, by purpose. */
  readonly sent: Record<Purpose, number> = { pipeline: 0, experts: 0, gradients: 0, parameters: 0 };
  /** The part of `sent.experts` that went to other nodes. */
  sentBetweenNodes = 0;
  readonly #ports: readonly (MessagePort | null)[];
  readonly #bells: Int32Array;
  readonly #arrived = new Map<string, unknown[]>();

  constructor({ rank, ports, bells }: Wiring) {
    this.rank = rank;
    this.#ports = ports;
    this.#bells = new Int32Array(bells);
  }

  /** Sends numbers to a rank; its own messages cost nothing. */
  send(to: number, tag: string, payload: Payload, purpose: Purpose): void {
    if (to === this.rank) {
      this.#keep(to, { tag, contents: payload });
      return;
    }
    this.sent[purpose] += payload.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#ports[to]!.postMessage({ tag, contents: payload } satisfies Note);
    Atomics.add(this.#bells, to, 1);
    Atomics.notify(this.#bells, to);
  }

  /** The message of a rank with a tag; waits for it. */
  receive(from: number, tag: string): Payload {
    return this.#take(from, tag) as Payload;
  }

  /** The next order of the conductor; waits for it. */
  nextOrder<Order>(): Order {
    return this.#take(this.#ports.length - 1, orderTag) as Order;
  }

  /** Tells the conductor something. */
  report(report: unknown): void {
    this.#ports.at(-1)!.postMessage(report);
  }

  /** Tells the ranks that wait that this one has failed. */
  fail(): void {
    ringAll(this.#bells);
  }

  #take(from: number, tag: string): unknown {
    const key = keyOf(from, tag);
    for (;;) {
      const heard = Atomics.load(this.#bells, this.rank);
      this.#empty(from);
      const waiting = this.#arrived.get(key);
      if (waiting !== undefined) {
        const [contents] = waiting.splice(0, 1);
        if (waiting.length === 0) this.#arrived.delete(key);
        return contents;
      }
      if (Atomics.load(this.#bells, this.#bells.length - 1) !== 0) throw new OtherRankFailed();
      Atomics.wait(this.#bells, this.rank, heard);
    }
  }

  /** Takes everything that has come from a sender. */
  #empty(from: number): void {
    const port = this.#ports[from];
    if (!port) return;
    for (let note = receiveMessageOnPort(port); note !== undefined; note = receiveMessageOnPort(port)) {
      this.#keep(from, note.message);
    }
  }

  #keep(from: number, { tag, contents }: Note): void {
    const key = keyOf(from, tag);
    const waiting = this.#arrived.get(key);
    if (waiting === undefined) this.#arrived.set(key, [contents]);
    else waiting.push(contents);
  }
}

const keyOf = (from: number, tag: string) => `${from} ${tag}`;
const orderTag = 'order';

/** Sends an order from the conductor to a rank. */
export function sendOrder(port: MessagePort, bells: Int32Array, rank: number, order: unknown): void {
  port.postMessage({ tag: orderTag, contents: order } satisfies Note);
  Atomics.add(bells, rank, 1);
  Atomics.notify(bells, rank);
}

/** Marks the ranks as failed and wakes all that wait. */
export function ringAll(bells: Int32Array): void {
  Atomics.store(bells, bells.length - 1, 1);
  for (let rank = 0; rank < bells.length - 1; rank++) {
    Atomics.add(bells, rank, 1);
    Atomics.notify(bells, rank);
  }
}

/** A copy in memory that threads share. */
export function shared(values: Float32Array): Float32Array<SharedArrayBuffer> {
  const copy = new Float32Array(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}
