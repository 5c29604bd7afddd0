// Entry of the thread that is one rank; started by `rank-threads.ts`. It has an engine of its own, with one thread.

import '../../node.ts';
import { workerData } from 'node:worker_threads';
import { activateBackend } from '../../backends/backends.ts';
import { UserError } from '../../errors.ts';
import { Mailbox, OtherRankFailed } from './mailbox.ts';
import type { RankStart, Report } from './orders.ts';
import { serveOrders } from './rank.ts';

const start = workerData as RankStart;
try {
  const { engineVariant, engineMemory } = start;
  await activateBackend('engine', { threads: 1, engineVariant, engineMemory });
  await serveOrders(start);
} catch (error) {
  if (!(error instanceof OtherRankFailed)) {
    const message = error instanceof Error ? error.message : String(error);
    if (process.env.DEBUG === '1') console.error(error);
    const mailbox = new Mailbox(start.wiring);
    mailbox.report({ type: 'failed', message, isUserError: error instanceof UserError } satisfies Report);
    mailbox.fail();
  }
  process.exitCode = 1;
}
