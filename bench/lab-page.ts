// What is measured of the lab in Chromium.

import type { Browser, Page } from 'playwright-core';
import { median } from '../src/bench/timing.ts';
import { mainThreadTasks } from '../tools/lab/main-thread.ts';
import { reachStep, stepsDone, visitPanels } from '../tools/lab/visit-panels.ts';
import { type SpeedResult, speedOf } from './lab-speed.ts';

/** Milliseconds after the navigation began. */
export interface Paint {
  readonly firstPaint: number;
  readonly firstContents: number;
  /** Until Train can be pressed. */
  readonly ready: number;
}

/** Opens the page in an empty profile, several times; the middle one of each number. */
export async function measurePaint(browser: Browser, url: string, times: number): Promise<Paint> {
  const paints: Paint[] = [];
  for (let i = 0; i < times; i++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(url);
    await page.getByRole('button', { name: 'Train', exact: true }).waitFor();
    paints.push(
      (await page.evaluate(`(() => {
        const at = (name) => performance.getEntriesByName(name)[0]?.startTime ?? NaN;
        return { firstPaint: at('first-paint'), firstContents: at('first-contentful-paint'), ready: performance.now() };
      })()`)) as Paint,
    );
    await context.close();
  }
  const middle = (key: keyof Paint) => median(paints.map((paint) => paint[key]));
  return { firstPaint: middle('firstPaint'), firstContents: middle('firstContents'), ready: middle('ready') };
}

async function startTraining(browser: Browser, url: string, hash: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(`window.longTasks = [];
    new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ type: 'longtask' });`);
  await page.goto(`${url}#${hash}`);
  await page.getByRole('button', { name: 'Train', exact: true }).click();
  return page;
}

export interface Smoothness {
  /** Durations that the Long Tasks API told of, in milliseconds. */
  readonly longTasks: readonly number[];
  /** The longest computation of one task of the main thread, in milliseconds. */
  readonly longestComputing: number;
  readonly tasks: number;
}

/** Trains and opens every view in turn. */
export async function measureSmoothness(browser: Browser, url: string, stepsEach: number): Promise<Smoothness> {
  const page = await startTraining(browser, url, 'preset=tiny&steps=100000');
  await reachStep(page, 2);
  await page.evaluate('window.longTasks = []');
  const tasks = await mainThreadTasks(browser, page, () => visitPanels(page, stepsEach));
  const longTasks = (await page.evaluate('window.longTasks')) as number[];
  await page.context().close();
  return { longTasks, longestComputing: tasks[0]?.computing ?? Number.NaN, tasks: tasks.length };
}

/** The speed of the page, and the binary of the engine that it runs. */
export interface PageSpeed extends SpeedResult {
  readonly engineVariant: string;
}

/** Trains so many steps with the router on show. */
export async function measureSpeed(browser: Browser, url: string, steps: number): Promise<PageSpeed> {
  const page = await startTraining(browser, url, `preset=tiny&steps=${steps}`);
  await reachStep(page, 1);
  const before = await cpuSeconds(browser);
  await page.getByTestId('state').getByText('done').waitFor({ timeout: 0 });
  const cpuSecondsPerStep = ((await cpuSeconds(browser)) - before) / (steps - 1);
  const engineVariant = /engine ([\w-]+),/.exec(await page.locator('body').innerText())?.[1];
  if (engineVariant === undefined) throw new Error('The page does not say what it computes with');
  const log = (await page.evaluate(`(async () => {
    let folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('tinyseek-lab');
    folder = await folder.getDirectoryHandle('runs');
    for await (const run of folder.values()) {
      return (await (await run.getFileHandle('metrics.jsonl')).getFile()).text();
    }
  })()`)) as string;
  await page.context().close();
  const lines = log.trimEnd().split('\n');
  return { ...speedOf(lines.map((line) => JSON.parse(line))), cpuSecondsPerStep, engineVariant };
}

/** Processor time of all processes of the browser. */
async function cpuSeconds(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

export interface MemoryAt {
  /** Steps that were done. */
  readonly step: number;
  readonly megabytes: number;
}

/** A model of which thousands of steps take minutes. */
const small =
  'preset=pocket&seqLen=32&batchSize=2&hiddenSize=32&sampleTokens=0&tokenizer=bytes&data=math&evalTokens=256&evalEvery=50';

/**
 * What the page and its workers take, after a collection of what is no longer used, once these steps are done. The run
 * does not end before that is known: Chromium asks every thread, and those of a run that has ended sleep.
 */
export async function measureMemory(browser: Browser, url: string, steps: readonly number[]): Promise<MemoryAt[]> {
  const page = await startTraining(browser, url, `${small}&steps=1000000`);
  const found: MemoryAt[] = [];
  for (const step of steps) {
    await reachStep(page, step);
    const done = await stepsDone(page);
    const bytes = (await page.evaluate(
      'performance.measureUserAgentSpecificMemory().then(({ bytes }) => bytes)',
    )) as number;
    found.push({ step: done, megabytes: bytes / 1e6 });
  }
  await page.context().close();
  return found;
}
