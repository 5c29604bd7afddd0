// `npm run lab:measure`: how the lab keeps what it promises, in Chromium on this machine: when it paints, whether its
// main thread is ever busy for long, how fast it trains beside Node, taking turns, and whether its memory grows.
//
//   npm run lab:measure -- --rounds 3 --steps 60

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { median } from '../src/bench/timing.ts';
import { findChromium } from '../tools/find-chromium.ts';
import { parseRounds, runJson } from './child.ts';
import { measureMemory, measurePaint, measureSmoothness, measureSpeed, type PageSpeed } from './lab-page.ts';
import type { SpeedResult } from './lab-speed.ts';
import { describeMachine, writeResults } from './machine.ts';

const bars = { contentsMilliseconds: 1000, taskMilliseconds: 50, speed: 0.85 };

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, steps: { type: 'string', default: '60' } },
});
const rounds = parseRounds(values.rounds);
const steps = Number(values.steps);
const executablePath = findChromium();
if (executablePath === null) throw new Error('Chromium is measured; apt-get install chromium');

const { startLabServer } = await import(join(import.meta.dirname, '../dist/lab/lab-server.js'));
const server = await startLabServer(0, []);
// Memory is measured at once, and not at the next collection, which may be minutes away.
const args = ['--no-sandbox', '--disable-gpu', '--enable-blink-features=ForceEagerMeasureMemory'];
const browser = await chromium.launch({ executablePath, args });

async function trainInNode(...options: readonly string[]): Promise<SpeedResult> {
  const script = join(import.meta.dirname, 'lab-own.ts');
  const result = await runJson<SpeedResult>([process.execPath, script, '--steps', String(steps), ...options]);
  if (result === null) throw new Error('Node did not train');
  return result;
}

const say = (what: string, found: string, isKept: boolean) =>
  console.log(`${what}: ${found}, ${isKept ? 'passes' : 'MISSES'}`);
// In Node with the binary that the page runs, and with the fastest: one needs a setting of V8 that a page cannot make.
const page: PageSpeed[] = [];
const [same, fastest]: [SpeedResult[], SpeedResult[]] = [[], []];
try {
  const { processor, cores } = describeMachine();
  console.log(`${processor}, ${cores} cores, Chromium ${browser.version()}`);
  const paint = await measurePaint(browser, server.url, 5);
  const { firstPaint, firstContents, ready } = paint;
  const times = [firstPaint, firstContents, ready].map((ms) => Math.round(ms)).join(', ');
  say('first paint, first contents, ready for Train, ms', times, firstContents < bars.contentsMilliseconds);

  const smoothness = await measureSmoothness(browser, server.url, 4);
  const { longTasks, longestComputing, tasks } = smoothness;
  const longest = `${longTasks.length} of ${tasks} tasks over ${bars.taskMilliseconds} ms`;
  say('by the Long Tasks API', longest, longTasks.length === 0);
  say('longest computation of a task, ms', longestComputing.toFixed(1), longestComputing <= bars.taskMilliseconds);

  for (let round = 1; round <= rounds; round++) {
    page.push(await measureSpeed(browser, server.url, steps));
    same.push(await trainInNode('--variant', page.at(-1)!.engineVariant));
    fastest.push(await trainInNode());
    const speeds = [page, same, fastest].map((list) => list.at(-1)!.tokensPerSecond.toFixed(0));
    console.error(`round ${round}: ${speeds.join(', ')} tokens/s`);
  }
  const ratioOf = (key: keyof SpeedResult, node: readonly SpeedResult[]) =>
    median(page.map((one, i) => one[key] / node[i]![key]));
  const percent = (ratio: number) => `${(100 * ratio).toFixed(0)} %`;
  const speed = ratioOf('tokensPerSecond', same);
  say(
    `speed beside Node with ${page[0]!.engineVariant} too, median of the rounds`,
    percent(speed),
    speed >= bars.speed,
  );
  console.log(`  within steps ${percent(ratioOf('tokensPerSecondInSteps', same))}`);
  console.log(`  processor time of a step ${ratioOf('cpuSecondsPerStep', same).toFixed(2)} times that of Node`);
  console.log(`  beside Node with the variant that is fastest there ${percent(ratioOf('tokensPerSecond', fastest))}`);

  const memory = await measureMemory(browser, server.url, [500, 1000, 2500, 5000]);
  console.log(
    `memory: ${memory.map(({ step, megabytes }) => `${megabytes.toFixed(1)} MB at step ${step}`).join(', ')}`,
  );
  const results = { chromium: browser.version(), rounds, steps, paint, smoothness, page, same, fastest, memory };
  console.log(`\nWritten to ${writeResults('lab', results)}`);
} finally {
  await browser.close();
  await server.close();
}
