// A training run in the worker: what the library tells of it, and what the page asks of it.

import {
  activateBackend,
  type DeepseekV3ForCausalLM,
  loadModelFrom,
  resumeRun,
  SettingsController,
  type Tokenizer,
  type TrainEvent,
  train,
  UserError,
} from 'tinyseek/core';
import type { RunEvent, RunRequest } from '../protocol.ts';
import type { Subject } from './answers.ts';
import { BatchedSteps } from './batched-steps.ts';
import { loadDocuments } from './documents.ts';
import { forgivingStore, notKept } from './forgiving-store.ts';
import { Gate } from './gate.ts';
import { readHistory, stepRecord } from './step-record.ts';
import { modelPlace, type RunPlace, runPlace } from './storage.ts';

export class Session {
  readonly gate: Gate;
  readonly live = new SettingsController();
  readonly #stop = new AbortController();
  readonly #tell: (event: RunEvent) => void;
  readonly #steps: BatchedSteps;
  #step = 0;
  #bytesPerToken = 1;
  subject: Subject | null = null;

  constructor(tell: (event: RunEvent) => void) {
    this.#steps = new BatchedSteps((steps) => tell({ type: 'steps', steps }));
    this.#tell = (event) => {
      this.#steps.flush();
      tell(event);
    };
    this.gate = new Gate(() => this.#tell({ type: 'held', step: this.#step }));
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Trains until the run is stopped; what goes wrong is told. */
  async run(request: RunRequest, isStored: boolean, hold: boolean, base: string): Promise<void> {
    try {
      if (hold) this.gate.pause();
      await this.#train(request, isStored, base);
    } catch (error) {
      this.#tell({ type: 'failed', message: describeError(error) });
    }
  }

  /** Opens a model to be asked about. */
  async open(modelId: string): Promise<DeepseekV3ForCausalLM> {
    await activateBackend('auto');
    const { model, tokenizer } = await loadModelFrom(await modelPlace(modelId));
    this.subject = { model, tokenizer };
    void this.gate.idleUntil(this.#stopped());
    return model;
  }

  async #train(request: RunRequest, isStored: boolean, base: string): Promise<void> {
    if (!isSecureContext) throw new UserError(noSecurity);
    this.#tell({ type: 'preparing', stage: 'loading the text', share: null });
    const documents = await loadDocuments(request.source, base);
    const place = await runPlace(request.runId);
    if (!place.isKept) {
      this.#tell({ type: 'warning', message: noStorage });
    }
    const { partsOf } = await import('./bugs.ts');
    const common = {
      documents,
      store: forgivingStore(place.store, (isFull) =>
        this.#tell({ type: 'warning', message: isFull ? fullStorage : roomAgain }),
      ),
      parts: await partsOf(request.bugs),
      live: this.live,
      pause: this.gate,
      signal: this.#stop.signal,
      onEvent: (event: TrainEvent) => this.#hear(event, place),
      onModel: (model: DeepseekV3ForCausalLM, tokenizer: Tokenizer) => this.#meet(model, tokenizer, documents),
      onPrepare: ({ stage, done, total }: { stage: string; done: number; total: number | null }) =>
        this.#tell({ type: 'preparing', stage, share: total === null ? null : done / total }),
    };
    const { model, train: settings, init, backend } = request;
    if (isStored && place.isBegun) {
      return void (await resumeRun({ ...common, ...(init === null ? {} : { init: await modelPlace(init) }) }));
    }
    const { tokenizer: _, ...rest } = settings;
    const started =
      init === null
        ? train({ ...common, model, train: settings, backend })
        : train({ ...common, init: await modelPlace(init), train: rest, backend });
    await started;
  }

  #meet(
    model: DeepseekV3ForCausalLM,
    tokenizer: Tokenizer,
    documents: Awaited<ReturnType<typeof loadDocuments>>,
  ): void {
    this.subject = { model, tokenizer };
    const [first = []] = Object.values(documents);
    const [text = ' '] = first;
    const beginning = String(text).slice(0, 20_000);
    this.#bytesPerToken = new TextEncoder().encode(beginning).length / tokenizer.encode(beginning).length;
  }

  /** The run waits until this returns. */
  async #hear(event: TrainEvent, place: RunPlace): Promise<void> {
    switch (event.type) {
      case 'start':
        return this.#start(event, place);
      case 'step':
        this.#step = event.step;
        this.#steps.add(stepRecord(event.metrics, event.secondsLeft));
        return this.gate.afterStep();
      case 'eval': {
        const { loss, bitsPerByte, mtpLoss, maxVioGlobal, domains } = event.result;
        const evaluation = { step: event.step, loss, bitsPerByte, mtpLoss, maxVioGlobal };
        return this.#tell({ type: 'evaluation', evaluation, domains });
      }
      case 'change':
        return this.#tell({ type: 'changed', step: event.step, settings: event.settings });
      case 'sample':
        return this.#tell({ type: 'sample', step: event.step, prompt: event.prompt, text: event.text });
      case 'checkpoint':
        if (event.path === notKept) return;
        return this.#tell({ type: 'checkpoint', step: event.step });
      case 'note':
      case 'warning':
        return this.#tell({ type: event.type, message: event.message });
      case 'end':
        this.#tell({ type: 'ended', isFinished: event.result.finished, step: event.result.steps });
        return this.gate.idleUntil(this.#stopped()); // the model stays, to be asked about
    }
  }

  async #start(event: Extract<TrainEvent, { type: 'start' }>, place: RunPlace): Promise<void> {
    const { model, train: settings, backend, threads, engineVariant, device } = event;
    const { parameters, activeParameters } = event;
    const { trainTokens, startStep } = event;
    this.#step = startStep;
    const facts = {
      model,
      train: settings,
      backend,
      threads,
      engineVariant,
      device,
      parameters,
      activeParameters,
      trainTokens,
    };
    const { steps } = settings;
    this.#tell({ type: 'started', facts: { ...facts, startStep, steps, bytesPerToken: this.#bytesPerToken } });
    if (startStep > 0) this.#tell({ type: 'history', ...readHistory(await place.log(), startStep) });
    if (!this.gate.isPaused) this.#tell({ type: 'going' });
  }

  #stopped(): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }
}

const noStorage =
  'This browser keeps no files of this run; where its storage is full, delete an older run in the table. Save the model ' +
  'as a zip before you close the page, or it is lost.';

const noSecurity =
  'This page came over plain HTTP, where browsers give a page neither storage nor checksums: serve it over HTTPS, or ' +
  'open it on the machine that serves it, at localhost.';

const fullStorage =
  'The browser has no room for this run: it goes on, but is lost when the page is closed. Delete an older run in the ' +
  'table, and the next checkpoint is kept; or save the model as a zip.';

const roomAgain = 'There is room again: the run is kept.';

/** What went wrong, and what to do about it. */
export function describeError(error: unknown): string {
  if (error instanceof UserError) return error.message;
  const message = error instanceof Error ? error.message : String(error);
  if (/memory/i.test(message)) return `The browser has no more memory (${message}): choose a smaller model or batch.`;
  return `The worker stopped: ${message}. Go on from the last checkpoint, or reload the page.`;
}
