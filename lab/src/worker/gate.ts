// Holds a run between two steps, and gives questions about its model their turn: never in the middle of a step.

import { PauseController } from 'tinyseek/core';

type Job = () => Promise<void>;

export class Gate extends PauseController {
  readonly #onHeld: () => void;
  #jobs: Job[] = [];
  #working: Promise<void> = Promise.resolve();
  #isIdle = false;
  #stepsOnce = false;

  constructor(onHeld: () => void) {
    super();
    this.#onHeld = onHeld;
  }

  /** Lets the run take one step and holds it again. */
  step(): void {
    this.#stepsOnce = true;
    this.resume();
  }

  play(): void {
    this.#stepsOnce = false;
    this.resume();
  }

  /** Is called after each step, while nothing else of the run goes on. */
  async afterStep(): Promise<void> {
    if (this.#stepsOnce) this.pause();
    this.#stepsOnce = false;
    await this.#runJobs();
  }

  /** Does a job as soon as the model may be read. */
  ask(job: Job): void {
    this.#jobs.push(job);
    if (this.#isIdle) this.#work();
  }

  override async passed(signal?: AbortSignal): Promise<void> {
    this.#onHeld();
    await this.idleUntil(super.passed(signal));
  }

  /** Does jobs as they come, until the promise is kept. */
  async idleUntil(end: Promise<void>): Promise<void> {
    this.#isIdle = true;
    this.#work();
    await end;
    this.#isIdle = false;
    await this.#working;
  }

  #work(): void {
    this.#working = this.#working.then(() => this.#runJobs());
  }

  async #runJobs(): Promise<void> {
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) await job();
  }
}
