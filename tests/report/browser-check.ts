// Opens a report in headless Chromium and asks the browser itself what a reader would stumble over: text that is cut
// off, labels on top of each other, charts that are empty, a page that scrolls sideways.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs in the page, folded parts opened; leaves what it found in `<pre id="problems">`. */
const INSPECTION = `
for (const details of document.querySelectorAll('details')) details.open = true;
const problems = [];
const inside = (a, b, slack) => a.left >= b.left - slack && a.right <= b.right + slack && a.top >= b.top - slack && a.bottom <= b.bottom + slack;
const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
if (document.documentElement.scrollWidth > window.innerWidth + 1) problems.push('the page is ' + document.documentElement.scrollWidth + ' wide');
for (const figure of document.querySelectorAll('figure')) {
  const name = figure.dataset.chart;
  for (const svg of figure.querySelectorAll('svg[role]')) {
    // A chart may reach into the padding of its card, but what scrolls is cut at its own edge.
    const frame = (svg.closest('.scroll') ? svg : figure).getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].filter((text) => text.textContent.trim() !== '');
    const boxes = texts.map((text) => text.getBoundingClientRect());
    const marks = [...svg.querySelectorAll('path, circle, rect, line')].map((mark) => mark.getBoundingClientRect());
    if (!marks.some((box) => box.width + box.height > 0)) problems.push(name + ': empty');
    texts.forEach((text, i) => {
      if (!inside(boxes[i], frame, 2)) problems.push(name + ': cut label "' + text.textContent + '"');
      for (let j = i + 1; j < texts.length; j++) {
        if (overlap(boxes[i], boxes[j])) problems.push(name + ': "' + text.textContent + '" lies on "' + texts[j].textContent + '"');
      }
    });
  }
}
const found = document.createElement('pre');
found.id = 'problems';
found.textContent = JSON.stringify(problems);
document.body.append(found);
`;

export interface Screen {
  readonly width: number;
  readonly dark?: boolean;
}

/** What is wrong with a report on a screen of that size. The page's own policy would keep the inspection out. */
export function browserProblems(chromium: string, source: string, { width, dark = false }: Screen): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'tinyseek-browser-'));
  try {
    const page = join(folder, 'report.html');
    const open = source.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '');
    writeFileSync(page, open.replace('</body>', `<script>${INSPECTION}</script></body>`));
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(folder, 'profile')}`];
    const look = [`--window-size=${width},1200`, `--blink-settings=preferredColorScheme=${dark ? 0 : 1}`];
    const { stdout } = spawnSync(chromium, [...flags, ...look, '--dump-dom', `file://${page}`], {
      encoding: 'utf8',
      maxBuffer: 1e8,
    });
    const [, json] = /<pre id="problems">([\s\S]*?)<\/pre>/.exec(stdout) ?? [];
    if (json === undefined) return ['Chromium did not render the page'];
    return JSON.parse(json.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'));
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}
