// The runs of the page, and the worker that trains one of them.

import { computed, signal } from '@preact/signals';
import type { LiveSettings } from 'tinyseek/core';
import type { Command, FromWorker, RunRequest } from '../protocol.ts';
import type { Answer, Question } from '../questions.ts';
import { LabRun } from './lab-run.ts';
import { backend, rememberSpeed, resolved, source } from './settings.ts';
import { forgetModel, forgetRun, keepRequest, storedRequests } from './storage.ts';

export const runs = signal<readonly LabRun[]>([]);
export const currentId = signal<string | null>(null);
export const current = computed(() => runs.value.find(({ request }) => request.runId === currentId.value) ?? null);
const mostOverlaid = 3;
/** The current run first, and the others whose curves are asked for. */
export const shownRuns = computed<readonly LabRun[]>(() => {
  const own = current.value;
  const others = runs.value.filter((run) => run !== own && run.isShown.value && run.hasSteps.value);
  return [...(own === null ? [] : [own]), ...others.toReversed()].slice(0, mostOverlaid);
});
/** The lab's own messages, such as on a file that it cannot read. */
export const notice = signal('');

let worker: Worker | null = null;
/** One that has loaded its program, for the first run of this visit. */
let ready: Worker | null = null;
let asked = 0;
interface Waiting {
  readonly onAnswer: (answer: Answer) => void;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}
const waiting = new Map<number, Waiting>();

const send = (command: Command) => worker?.postMessage(command);

/** Lets a worker load its program, so that the first run begins at once. */
export function prepareWorker(): void {
  if (worker === null) ready ??= createWorker();
}

function createWorker(): Worker {
  const made = new Worker(new URL('../worker/worker.ts', import.meta.url), { type: 'module', name: document.baseURI });
  made.onmessage = ({ data }: MessageEvent<FromWorker>) => hear(data);
  made.onerror = ({ message }) => {
    if (made === worker) crashed(message);
    else ready = null; // it could not be loaded; the next one may
  };
  return made;
}

function crashed(reason: string): void {
  const run = current.value;
  const saved = run?.savedStep.value ?? 0;
  const what =
    saved === 0
      ? 'It had no checkpoint yet: press Train to start it again from its first step.'
      : `The run is kept up to its checkpoint at step ${saved}: press Train to go on from there.`;
  run?.hear({ type: 'failed', message: `The worker ended unexpectedly (${reason || 'no reason given'}). ${what}` });
  endWorker();
}

function endWorker(): void {
  worker?.terminate();
  worker = null;
  for (const { reject } of waiting.values()) reject(new Error('The model is gone.'));
  waiting.clear();
}

function hear(message: FromWorker): void {
  if (message.type === 'run') {
    const run = runs.value.find(({ request }) => request.runId === message.runId);
    run?.hear(message.event);
    const { facts, last } = run ?? {};
    if (message.event.type === 'ended' && facts?.value && last?.value) {
      rememberSpeed(facts.value.activeParameters, last.value.tokensPerSecond);
    }
    return;
  }
  if (message.type === 'opened') return;
  const { onAnswer, resolve, reject } = waiting.get(message.requestId) ?? {};
  if (message.type === 'refused') reject?.(new Error(message.message));
  else {
    onAnswer?.(message.answer);
    if (message.isLast) resolve?.(message.answer);
  }
  if (message.type === 'refused' || message.isLast) waiting.delete(message.requestId);
}

/** Asks the worker about the model; `onAnswer` gets each part, and the promise the last one. */
export function ask<K extends Question['kind']>(
  question: Extract<Question, { readonly kind: K }>,
  onAnswer: (answer: Extract<Answer, { readonly kind: K }>) => void = () => {},
  signal?: AbortSignal,
): Promise<Extract<Answer, { readonly kind: K }>> {
  if (worker === null) return Promise.reject(new Error('There is no model yet: press Train.'));
  const requestId = ++asked;
  signal?.addEventListener('abort', () => send({ type: 'cancel', requestId }));
  return new Promise((resolve, reject) => {
    waiting.set(requestId, {
      onAnswer: onAnswer as (answer: Answer) => void,
      resolve: resolve as (answer: Answer) => void,
      reject,
    });
    send({ type: 'ask', requestId, question });
  });
}

let numbered = 0;

function nextName(): string {
  numbered = Math.max(numbered, ...runs.value.map(({ name }) => Number(/\d+/.exec(name)?.[0] ?? 0))) + 1;
  return `Run ${numbered}`;
}

/** Starts a run with the settings of the form. */
export async function startRun(init: string | null = null): Promise<void> {
  const { config } = resolved.value;
  if (config !== null) await begin({ ...config, bugs: [], backend: backend.value }, source.value, init);
}

/** Starts a run with other settings, or with bugs, on the text of the current one, computed by the same. */
export async function startVariation(run: Omit<RunSettings, 'backend'>): Promise<void> {
  const { request } = current.value ?? {};
  const text = request?.source ?? source.value;
  await begin({ ...run, backend: request?.backend ?? backend.value }, text, null);
}

type RunSettings = Pick<RunRequest, 'model' | 'train' | 'bugs' | 'backend'>;

async function begin(
  { model, train, bugs, backend }: RunSettings,
  text: RunRequest['source'],
  init: RunRequest['init'],
): Promise<void> {
  const runId = `run-${Date.now()}`;
  const settings = { ...train, checkpointEvery: train.checkpointEvery || 100 };
  const request: RunRequest = { runId, model, train: settings, source: text, bugs, backend, init };
  const run = new LabRun(request, nextName());
  await stopCurrent();
  runs.value = [...runs.value, run];
  await launch(run, false, false);
}

async function launch(run: LabRun, isStored: boolean, hold: boolean): Promise<void> {
  endWorker();
  currentId.value = run.request.runId;
  run.status.value = 'preparing';
  if (!isStored) await keepRequest(run.request);
  worker = ready ?? createWorker();
  ready = null;
  send({ type: 'start', request: run.request, isStored, hold });
}

/** Ends the run of the worker with a checkpoint. */
async function stopCurrent(): Promise<void> {
  const run = current.value;
  if (worker === null || run === null || !['going', 'held'].includes(run.status.value)) return;
  const ended = new Promise<void>((resolve) => {
    const end = run.status.subscribe((status) => {
      if (['going', 'held'].includes(status)) return;
      queueMicrotask(() => end());
      resolve();
    });
  });
  send({ type: 'stop' });
  await ended;
}

/** Play, where a run is held; otherwise goes on with a run that was stopped, or starts one. */
export async function play(): Promise<void> {
  const run = current.value;
  if (run === null || run.status.value === 'done') return startRun();
  if (run.status.value === 'held') {
    run.status.value = 'going';
    return send({ type: 'play' });
  }
  if (['stored', 'stopped', 'failed'].includes(run.status.value)) await launch(run, true, false);
}

export const pause = () => send({ type: 'pause' });

export function step(): void {
  if (current.value?.status.value === 'going') pause();
  else send({ type: 'step' });
}

/** Back to the initial weights, with the same seed, and held there. */
export async function rewind(): Promise<void> {
  const run = current.value;
  if (run === null) return;
  endWorker();
  await forgetRun(run.request.runId);
  const again = new LabRun(run.request, run.name);
  runs.value = runs.value.map((other) => (other === run ? again : other));
  await launch(again, false, true);
}

export const change = (settings: LiveSettings) => send({ type: 'change', settings });

/** Makes a run of the table the current one. */
export async function choose(run: LabRun): Promise<void> {
  if (run === current.value) return;
  await stopCurrent();
  await launch(run, true, true);
}

export async function remove(run: LabRun): Promise<void> {
  if (run === current.value) {
    endWorker();
    currentId.value = null;
  }
  runs.value = runs.value.filter((other) => other !== run);
  const { runId, init } = run.request;
  await forgetRun(runId);
  if (init !== null && !runs.value.some(({ request }) => request.init === init)) await forgetModel(init);
}

/** Runs of earlier visits; the newest is opened where it stood, and waits. */
export async function findStoredRuns(): Promise<void> {
  const found = (await storedRequests()).map((request) => new LabRun(request, nextName()));
  for (const run of found) run.status.value = 'stored';
  runs.value = [...found, ...runs.value];
  const newest = found.at(-1);
  if (newest !== undefined && current.value === null) await launch(newest, true, true);
}
