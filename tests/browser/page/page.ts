// A page that trains in a Web Worker, is left in the middle of the run, and goes on when it is loaded again.

import type { FromWorker, Job } from './messages.ts';

/** The parts of a page that are used here; the types of Node have none. */
declare const location: { search: string };
interface PageWorker {
  onmessage: (event: { readonly data: FromWorker }) => void;
  onerror: (event: { readonly message: string }) => void;
  postMessage(job: Job): void;
}
declare const Worker: new (url: URL, options: { readonly type: 'module' }) => PageWorker;

const tell = (message: object) => fetch('/report', { method: 'POST', body: JSON.stringify(message) });

const worker = new Worker(new URL('./train-worker.ts', import.meta.url), { type: 'module' });
worker.onerror = ({ message }) => void tell({ error: message });
worker.onmessage = ({ data }) => {
  if (data.type === 'leave') location.search = '?go-on';
  else void tell(data.report);
};
worker.postMessage(location.search === '?go-on' ? 'go-on' : 'begin');
