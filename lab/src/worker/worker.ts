// The worker: takes the page's commands, trains one run and answers questions about its model.

import type { Command, FromWorker } from '../protocol.ts';
import { answer } from './answers.ts';
import { describeError, Session } from './session.ts';

const tell = (message: FromWorker) => postMessage(message);
const cancelled = new Map<number, AbortController>();
let session: Session | null = null;

function ask(requestId: number, question: Extract<Command, { type: 'ask' }>['question']): void {
  const cancel = new AbortController();
  cancelled.set(requestId, cancel);
  const refuse = (message: string) => tell({ type: 'refused', requestId, message });
  if (session === null) {
    refuse('There is no model yet: press Train.');
    return;
  }
  const { gate } = session;
  gate.ask(async () => {
    try {
      if (session?.subject == null) return refuse('There is no model yet: wait until the text is prepared.');
      await answer(
        session.subject,
        question,
        (part, isLast) => tell({ type: 'answer', requestId, answer: part, isLast }),
        cancel.signal,
      );
    } catch (error) {
      refuse(describeError(error));
    } finally {
      cancelled.delete(requestId);
    }
  });
}

/** The name of this worker is the address of the page. */
const base = self.name;

function start({ request, isStored, hold }: Extract<Command, { type: 'start' }>): void {
  const { runId } = request;
  session = new Session((event) => tell({ type: 'run', runId, event }));
  void session.run(request, isStored, hold, base);
}

async function open(modelId: string): Promise<void> {
  session = new Session(() => {});
  try {
    const { config } = await session.open(modelId);
    tell({ type: 'opened', modelId, model: config });
  } catch (error) {
    tell({ type: 'run', runId: modelId, event: { type: 'failed', message: describeError(error) } });
  }
}

function obey(command: Command): void {
  switch (command.type) {
    case 'start':
      start(command);
      break;
    case 'open':
      void open(command.modelId);
      break;
    case 'ask':
      ask(command.requestId, command.question);
      break;
    case 'cancel':
      cancelled.get(command.requestId)?.abort();
      break;
    case 'change':
      session?.live.change(command.settings);
      break;
    case 'play':
      session?.gate.play();
      break;
    case 'pause':
      session?.gate.pause();
      break;
    case 'step':
      session?.gate.step();
      break;
    case 'stop':
      session?.stop();
      break;
  }
}

// An error that nobody waits for reaches the page as any other error of a worker.
self.onunhandledrejection = ({ reason }) => {
  setTimeout(() => {
    throw reason;
  });
};
self.onmessage = ({ data }: MessageEvent<Command>) => obey(data);
