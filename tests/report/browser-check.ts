// Opens reports in headless Chromium and asks the browser itself what a reader would stumble over: text that is cut
// off, labels on top of each other, charts that are empty, a page that scrolls sideways. Starting Chromium takes longer
// than looking at a report, so all reports for one screen are frames of one page, each as large as the screen.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs in each report, folded parts opened; leaves what it found in a `<pre class="problems">` of the page around it.
 */
const inspection = `
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
const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
const found = parent.document.createElement('pre');
found.className = 'problems';
found.textContent = JSON.stringify({ report: frameElement.title, width: window.innerWidth, isDark, problems });
parent.document.body.append(found);
`;

export interface Screen {
  readonly width: number;
  readonly dark?: boolean;
}

/** What a report was seen on, and what is wrong with it. */
interface Inspected extends Required<Screen> {
  readonly problems: readonly string[];
}

const quoted = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');

/** A frame with a report and the inspection. The report's own policy would keep the inspection out. */
function frameOf(report: string, source: string, width: number): string {
  const open = source.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '');
  const inspected = open.replace('</body>', `<script>${inspection}</script></body>`);
  return `<iframe title="${quoted(report)}" width="${width}" height="1200" srcdoc="${quoted(inspected)}"></iframe>`;
}

/** What Chromium makes of a page once it and its frames are loaded. */
function render(chromium: string, page: string, { width, dark = false }: Screen): string {
  const folder = mkdtempSync(join(tmpdir(), 'tinyseek-browser-'));
  try {
    const file = join(folder, 'reports.html');
    writeFileSync(file, page);
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', `--user-data-dir=${join(folder, 'profile')}`];
    const look = [`--window-size=${width},1200`, `--blink-settings=preferredColorScheme=${dark ? 0 : 1}`];
    const options = { encoding: 'utf8', maxBuffer: 1e8 } as const;
    return spawnSync(chromium, [...flags, ...look, '--dump-dom', `file://${file}`], options).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** What is wrong with each report, by its name, on a screen of that size. */
export function browserProblems(
  chromium: string,
  reports: Readonly<Record<string, string>>,
  screen: Screen,
): Map<string, Inspected> {
  const frames = Object.entries(reports).map(([name, source]) => frameOf(name, source, screen.width));
  const style = '<meta name="color-scheme" content="light dark"><style>iframe { border: 0 }</style>';
  const page = `<!doctype html><meta charset="utf-8">${style}<body>${frames.join('\n')}</body>`;
  const found = new Map<string, Inspected>();
  for (const [, json = ''] of render(chromium, page, screen).matchAll(/<pre class="problems">([\s\S]*?)<\/pre>/g)) {
    const text = json.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
    const { report, width, isDark, problems } = JSON.parse(text);
    found.set(report, { width, dark: isDark, problems });
  }
  return found;
}
