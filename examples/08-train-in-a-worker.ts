// Example 8: train in a worker thread, while this thread goes on serving.
//
// It teaches what `train()` does to the thread that calls it: between two steps it lets timers and sockets have their
// turn, but a step itself, and what comes before the first one, holds the event loop. A program that has more to do, such
// as a server, trains in a worker. The events of a run are plain data, so they are the messages; the other way there is
// one message, and it stops the run as Ctrl-C would, with a checkpoint.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { modelPreset, type TrainEvent, type TrainOptions, train, trainPreset } from 'tinyseek';

/** What the worker is given; it must survive the copy to another thread, so functions and signals are made there. */
type Job = Omit<TrainOptions, 'onEvent' | 'signal' | 'parts'>;

const job = (runDir: string, steps: number): Job => ({
  model: { ...modelPreset('tiny'), hiddenSize: 64, numHiddenLayers: 2, nRoutedExperts: 8 },
  train: { ...trainPreset('tiny'), steps, batchSize: 4, seqLen: 64, heldOutFraction: 0.01, sampleTokens: 0 },
  backend: 'auto',
  backendOptions: { threads: Math.max(1, availableParallelism() - 1) }, // leaves a core to the main thread
  runDir,
});

if (isMainThread) await main();
else await trainHere(workerData);

/** The worker's side: every event is a message to the main thread, and a message from there stops the run. */
async function trainHere(job: Job): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('this is not a worker');
  const stop = new AbortController();
  port.once('message', () => stop.abort());
  try {
    await train({ ...job, onEvent: (event) => port.postMessage(event), signal: stop.signal });
  } finally {
    port.close(); // an open port would keep the worker alive
  }
}

/** The main thread's side: a server that tells how far the training is. */
async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tinyseek-'));
  console.log('Training in this thread');
  const delays = watchDelays();
  await train(job(join(folder, 'here'), 10));
  console.log(`  ten steps; a timer had to wait ${delays.longest()} ms at most`);

  console.log('Training in a worker, and serving in this thread');
  const status = { step: 0, loss: 0 };
  const server = createServer((_, response) => response.end(JSON.stringify(status))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  const worker = new Worker(new URL(import.meta.url), { workerData: job(join(folder, 'worker'), 1000) });
  const exited = once(worker, 'exit'); // rejects if the worker throws
  worker.on('message', (event: TrainEvent) => {
    if (event.type === 'step') Object.assign(status, { step: event.step, loss: event.loss });
    if (event.type === 'end') console.log(`  stopped: ${event.result.steps} steps, finished ${event.result.finished}`);
  });
  await once(worker, 'message'); // `start`: the text is read and the model is made
  for (let i = 0; i < 5 || status.step < 3; i++) {
    console.log(`  GET ${url} -> ${await (await fetch(url)).text()}`);
    await setTimeout(300);
  }
  worker.postMessage('stop');
  await exited;
  console.log(`  the worker is gone; a timer had to wait ${delays.longest()} ms at most`);
  server.close();
  rmSync(folder, { recursive: true });
  console.log('\nNext: go on from the checkpoint with `resumeRun`, in a worker of its own.');
}

/** How long timers of this thread had to wait, since it was last asked. */
function watchDelays(): { longest(): string } {
  const histogram = monitorEventLoopDelay({ resolution: 5 });
  histogram.enable();
  const longest = () => {
    const milliseconds = histogram.max / 1e6;
    histogram.reset();
    return milliseconds.toFixed(0);
  };
  return { longest };
}
