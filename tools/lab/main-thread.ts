// What the main thread of a page does, task by task, from Chromium's trace. The time that a task computes is kept apart
// from the time that passes: on a machine that is busy the second says little about the page.

import type { Browser, Page } from 'playwright-core';

export interface MainThreadTask {
  /** Milliseconds that passed, as the Long Tasks API counts them. */
  readonly milliseconds: number;
  /** Milliseconds of them in which the thread computed. */
  readonly computing: number;
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** The tasks of the page's main thread while an action goes on, longest computation first. */
export async function mainThreadTasks(
  browser: Browser,
  page: Page,
  action: () => Promise<void>,
): Promise<MainThreadTask[]> {
  await browser.startTracing(page, { categories: ['toplevel'] });
  await action();
  const trace: { traceEvents: TraceEvent[] } = JSON.parse((await browser.stopTracing()).toString());
  const threads = trace.traceEvents.filter(
    ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
  );
  const byThread = threads.map(({ pid, tid }) =>
    trace.traceEvents.filter(
      (event) => event.pid === pid && event.tid === tid && event.name === 'ThreadControllerImpl::RunTask',
    ),
  );
  const total = (events: readonly TraceEvent[]) => events.reduce((sum, { tdur = 0 }) => sum + tdur, 0);
  // A browser has pages of its own, which do nothing.
  const [busiest = []] = byThread.toSorted((a, b) => total(b) - total(a));
  return busiest
    .map(({ dur = 0, tdur = 0 }) => ({ milliseconds: dur / 1000, computing: tdur / 1000 }))
    .toSorted((a, b) => b.computing - a.computing);
}
