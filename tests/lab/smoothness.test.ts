// The page never stutters and never grows: what its main thread does at a time is bounded, and so is its memory.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mainThreadTasks } from '../../tools/lab/main-thread.ts';
import { reachStep, stepsDone, visitPanels } from '../../tools/lab/visit-panels.ts';
import { chromium as executable, warnOfNoChromium } from '../browser/chromium.ts';
import { openLab, type OpenLab, pastStep, smallModel } from './open-lab.ts';

/** The most that a task of the main thread may compute: what the Long Tasks API calls a long task. */
const mostMilliseconds = 50;
const mostVisits = 3;

/** Counts what is drawn on canvases between two frames, and keeps the most. */
const countDrawing = `(() => {
  window.mostDrawn = 0;
  let drawn = 0;
  for (const Context of [CanvasRenderingContext2D, Path2D]) {
    for (const name of ['fillRect', 'lineTo', 'rect', 'arc', 'fillText', 'moveTo']) {
      const draw = Context.prototype[name];
      if (draw === undefined) continue;
      Context.prototype[name] = function (...args) {
        window.mostDrawn = Math.max(window.mostDrawn, ++drawn);
        return draw.apply(this, args);
      };
    }
  }
  const frame = () => {
    drawn = 0;
    requestAnimationFrame(frame);
  };
  frame();
})();`;

describe('the page while it trains', () => {
  if (executable === null) {
    warnOfNoChromium('whether the lab stutters');
    // A user's machine need not have a browser. CI installs one, so this is never skipped there.
    it.skip('is not tested: no Chromium on the PATH');
    return;
  }
  let lab: OpenLab;

  beforeAll(async () => {
    // Memory is measured at once, and not at the next collection, which may be minutes away.
    lab = await openLab({ args: ['--enable-blink-features=ForceEagerMeasureMemory'] });
    await lab.page.addInitScript(countDrawing);
  });

  afterAll(() => lab?.close());

  // The time that a task computes counts, and not the time that passes while the machine does other things. A machine
  // can also be slow for a moment; a stutter that is the page's own comes back at every visit.
  it('computes no task of more than 50 ms at `tiny` while every view is opened in turn', async () => {
    await lab.open('preset=tiny&steps=100000');
    await lab.press('Train');
    await pastStep(lab.page, 1);
    const longest: number[] = [];
    while (longest.length < mostVisits && !longest.some((milliseconds) => milliseconds <= mostMilliseconds)) {
      const tasks = await mainThreadTasks(lab.browser, lab.page, () => visitPanels(lab.page, 2));
      expect(tasks.length).toBeGreaterThan(100);
      longest.push(tasks[0]!.computing);
    }
    expect(Math.min(...longest)).toBeLessThanOrEqual(mostMilliseconds);
  });

  it('draws no more at a time after thousands of steps, and takes no more memory', async () => {
    await lab.open(`${smallModel}&steps=100000&evalEvery=50`);
    await lab.press('New run');
    const measure = async (step: number) => {
      await reachStep(lab.page, step);
      const memory = await lab.page.evaluate('performance.measureUserAgentSpecificMemory().then(({ bytes }) => bytes)');
      await lab.page.evaluate('window.mostDrawn = 0');
      await reachStep(lab.page, (await stepsDone(lab.page)) + 50);
      return { megabytes: (memory as number) / 1e6, drawn: (await lab.page.evaluate('window.mostDrawn')) as number };
    };
    // By then the histories of charts are full: 600 and 240 bins.
    const [first, second] = [await measure(700), await measure(1400)];
    // Bins are halved when they are full, so there are as many after twice the steps, or half as many.
    expect(second.drawn).toBeLessThanOrEqual(1.2 * first.drawn);
    // 700 steps would be 2 MB of metrics and records.
    expect(second.megabytes - first.megabytes).toBeLessThan(1);
  });
});
