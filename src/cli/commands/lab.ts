// `tinyseek lab`: the page that trains in the browser, served from this package until Ctrl-C.

import { UserError } from '../../errors.ts';
import { defineCommand } from '../command.ts';

export const labCommand = defineCommand({
  name: 'lab',
  summary: 'train in the browser and watch the router live',
  description: `Serves the lab on this machine: a page that trains in the browser, with threads, and shows what the
router does. Runs that are named can be opened there. Ctrl-C stops it.`,
  arguments: [{ syntax: '[run...]', help: 'run folders, checkpoints or model folders to be opened in the page' }],
  options: [{ flags: '--port <n>', help: 'port to listen on; 0 takes a free one', default: '4173' }],
  examples: [
    ['lab', 'at http://127.0.0.1:4173/'],
    ['lab runs/first --port 0', 'offers a run, on a free port'],
  ],
  run: async (runs, { port }) => {
    const { runLab } = await import('../run-lab.ts');
    await runLab(runs, parsePort(port));
  },
});

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UserError(`--port: expected a port from 1 to 65535, or 0 for a free one, found ${JSON.stringify(text)}`);
}
