// The engine in a page, or in a Web Worker of one.

import { binaryUrl } from './binary-url.ts';
import type { Host, WorkerData, WorkerHandle } from './host.ts';
import type { VariantName } from './variant-names.ts';
import { workerSource } from './worker-source.ts';

/** The parts of a page's Worker that are used here; the types of Node have none. */
interface PageWorker {
  onmessage: unknown;
  onerror: unknown;
  postMessage(data: unknown): void;
  terminate(): void;
}

function startWorker(data: WorkerData): WorkerHandle {
  const PageWorker = Reflect.get(globalThis, 'Worker') as new (url: string) => PageWorker;
  const url = URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }));
  const worker = new PageWorker(url);
  let onEnd = () => {};
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve;
  });
  worker.onmessage = onEnd; // its only message, the last thing it does
  worker.onerror = onEnd;
  worker.postMessage(data);
  const terminate = () => {
    worker.terminate(); // of which a page is told nothing
    onEnd();
  };
  return { ended, terminate };
}

/** Does not use streaming, which needs the right Content-Type: not every static server knows that of WebAssembly. */
async function compile(name: VariantName, shared: boolean): Promise<WebAssembly.Module> {
  const response = await fetch(binaryUrl(name, shared));
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${response.statusText}`);
  return WebAssembly.compile(new Uint8Array(await response.arrayBuffer()));
}

export const webHost: Host = {
  cores: () => Number(Reflect.get(globalThis, 'navigator')?.hardwareConcurrency ?? 1),
  startWorker,
  compile,
  prepare: () => true,
};
