// The threads of the ranks, as the conductor sees them: the thread that has the data, the log and the run folder.

import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { UserError } from '../../errors.ts';
import type { Layout } from '../layout.ts';
import { describePlace, placeOf, ranksOf } from './places.ts';
import { ringAll, sendOrder } from './mailbox.ts';
import type { Order, RankStart, Report } from './orders.ts';

const entry = fileURLToPath(new URL(`./rank-thread${extname(import.meta.url)}`, import.meta.url));

type ReportOf<Type extends Report['type']> = Extract<Report, { type: Type }>;

/** What every rank is started with, besides its place and its wiring. */
export type CommonStart = Omit<RankStart, 'place' | 'wiring'>;

/** Ranks that run. When one fails, all end, and every call from then on rejects with what happened. */
export class RankThreads {
  readonly workers: readonly Worker[];
  readonly #layout: Layout;
  readonly #bells: Int32Array;
  /** The conductor's ends, by rank. */
  readonly #ports: readonly MessagePort[];
  readonly #reports: Report[][];
  #failure: Error | null = null;
  #isClosing = false;
  /** Looks again at what has come; set while a call waits. */
  #notice: () => void = () => {};

  /** Starts the threads; `ready` says when they are. */
  constructor(common: CommonStart) {
    const { layout } = common;
    const ranks = ranksOf(layout);
    const bells = new SharedArrayBuffer((ranks + 1) * Int32Array.BYTES_PER_ELEMENT);
    const ports = wire(ranks + 1);
    this.#layout = layout;
    this.#bells = new Int32Array(bells);
    this.#ports = ports[ranks]!.filter((port) => port !== null);
    this.#reports = this.#ports.map(() => []);
    this.workers = this.#ports.map((port, rank) => {
      const wiring = { rank, ports: ports[rank]!, bells };
      const workerData: RankStart = { ...common, place: placeOf(rank, layout), wiring };
      const transferList = wiring.ports.filter((other) => other !== null);
      const worker = new Worker(entry, { workerData, transferList, execArgv: [], name: `tinyseek-rank-${rank}` });
      port.on('message', (report: Report) => this.#hear(rank, report));
      worker.on('error', (error) => this.#fail(rank, `${error.message}; resume the run`, true));
      worker.on('exit', (code) => this.#fail(rank, `its thread ended with code ${code}; resume the run`, true));
      return worker;
    });
  }

  /** Resolves when all ranks wait for orders. */
  async ready(): Promise<void> {
    await this.reports('ready');
  }

  order(rank: number, order: Order): void {
    sendOrder(this.#ports[rank]!, this.#bells, rank, order);
  }

  orderAll(order: Order): void {
    for (const rank of this.#ports.keys()) this.order(rank, order);
  }

  /**
   * The next report of every rank, in their order.
   *
   * @throws {UserError} that names the rank that failed
   */
  async reports<Type extends Report['type']>(type: Type): Promise<ReportOf<Type>[]> {
    while (this.#failure === null && this.#reports.some((reports) => reports.length === 0)) {
      await new Promise<void>((resolve) => {
        this.#notice = resolve;
      });
    }
    if (this.#failure !== null) throw this.#failure;
    return this.#reports.map((reports) => {
      const report = reports.shift()!;
      if (report.type !== type) throw new Error(`internal: expected ${type} of a rank, found ${report.type}`);
      return report as ReportOf<Type>;
    });
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    this.#isClosing = true;
    ringAll(this.#bells);
    for (const port of this.#ports) port.close();
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  #hear(rank: number, report: Report): void {
    if (report.type === 'failed') this.#fail(rank, report.message, report.isUserError);
    else this.#reports[rank]!.push(report);
    this.#notice();
  }

  /** The first failure counts: the others follow from it. */
  #fail(rank: number, message: string, isUserError: boolean): void {
    if (this.#isClosing || this.#failure !== null) return;
    const text = `cluster: ${describePlace(placeOf(rank, this.#layout))} failed, and all ranks have stopped: ${message}`;
    this.#failure = isUserError ? new UserError(text) : new Error(text);
    ringAll(this.#bells);
    this.#notice();
  }
}

/** A channel between any two of `count` ends: the ports of each end, by the other. */
function wire(count: number): (MessagePort | null)[][] {
  const ports: (MessagePort | null)[][] = Array.from({ length: count }, () => new Array(count).fill(null));
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const { port1, port2 } = new MessageChannel();
      ports[a]![b] = port1;
      ports[b]![a] = port2;
    }
  }
  return ports;
}
