// A generator without a model: the tokens are letters that follow from prompt, seed and place alone. Everything else is
// as with the real one: slots, waiting, stop texts, aborts. It can be held still, so that tests need no clock.

import { createBytesTokenizer } from '../../src/data/tokenizers/bytes.ts';
import type {
  GenerationEnd,
  GenerationEvent,
  GenerationRequest,
  Generator,
} from '../../src/generate/batch/generator.ts';
import { deriveSeed } from '../../src/tensor/random.ts';

const tokenizer = createBytesTokenizer();
const letters = 'abcdefghijklmnopqrstuvwxyz é';
const alphabet = Array.from(tokenizer.encode(letters));

/** Token number `place` of a continuation. */
export function fakeToken(promptIds: readonly number[], seed: number, place: number): number {
  return alphabet[deriveSeed(promptIds.join(','), seed, place) % alphabet.length]!;
}

/** The text of a continuation. */
export function fakeText(promptIds: readonly number[], seed: number, length: number): string {
  return tokenizer.decode(Array.from({ length }, (_, place) => fakeToken(promptIds, seed, place)));
}

const statistics = { newTokens: 0, forwardPasses: 0, drafted: 0, accepted: 0, prefillSeconds: 0, decodeSeconds: 0 };

class Sequence {
  readonly request: GenerationRequest;
  readonly events: GenerationEvent[] = [];
  wake: () => void = () => {};
  readonly #utf8 = new TextDecoder();
  #place = 0;
  #text = '';
  #sent = 0;

  constructor(request: GenerationRequest) {
    this.request = request;
  }

  get isOver(): boolean {
    return this.events.at(-1)?.type === 'end';
  }

  end(finishReason: GenerationEnd['finishReason'], text = ''): void {
    this.push({ type: 'end', finishReason, text, statistics });
  }

  push(event: GenerationEvent): void {
    this.events.push(event);
    this.wake();
  }

  step(): void {
    const { promptIds, sampling, stop, maxNewTokens, topLogprobs } = this.request;
    if (maxNewTokens === 0) {
      this.end('length');
      return;
    }
    const id = fakeToken(promptIds, sampling.seed, this.#place++);
    const isLast = this.#place === maxNewTokens;
    this.#text += this.#utf8.decode(tokenizer.decodeBytes([id]), { stream: !isLast });
    const text = this.#text;
    const found = stop.map((text_) => text.indexOf(text_)).filter((at) => at >= 0);
    const certain = found.length > 0 ? Math.min(...found) : this.#certain(text);
    const likely = Array.from({ length: topLogprobs ?? 0 }, (_, rank) => ({ id: alphabet[rank]!, logprob: -rank - 1 }));
    const logprob = topLogprobs === null ? null : -0.5;
    this.push({ type: 'token', id, text: text.slice(this.#sent, certain), draft: null, logprob, topLogprobs: likely });
    this.#sent = Math.max(certain, this.#sent);
    if (found.length > 0) this.end('stop');
    else if (isLast) this.end('length', text.slice(this.#sent));
  }

  #certain(text: string): number {
    const held = Math.max(0, ...this.request.stop.map((stop) => stop.length - 1));
    return Math.max(this.#sent, text.length - held);
  }
}

export class FakeGenerator implements Generator {
  readonly slots: number;
  /** Most sequences that ran at once. */
  mostRunning = 0;
  /** Everything that was asked for. */
  readonly requests: GenerationRequest[] = [];
  /** Events that were taken. */
  taken = 0;
  #sequences: Sequence[] = [];
  /** Steps to take until it holds still. */
  #steps = Number.POSITIVE_INFINITY;
  #isTicking = false;

  constructor(slots: number) {
    this.slots = slots;
  }

  get load() {
    const running = Math.min(this.slots, this.#sequences.length);
    return { running, waiting: this.#sequences.length - running };
  }

  /** Makes no progress until `resume`. */
  hold(): void {
    this.#steps = 0;
  }

  /** Goes on, for so many steps: each gives every running sequence one token. */
  resume(steps = Number.POSITIVE_INFINITY): void {
    this.#steps = steps;
    this.#tick();
  }

  async *submit(request: GenerationRequest): AsyncGenerator<GenerationEvent> {
    const sequence = new Sequence(request);
    this.requests.push(request);
    this.#sequences.push(sequence);
    const abort = () => {
      if (!sequence.isOver) sequence.end('aborted');
      this.#sequences = this.#sequences.filter((other) => other !== sequence);
    };
    if (request.signal?.aborted) abort();
    request.signal?.addEventListener('abort', abort);
    this.#tick();
    try {
      for (let next = 0; next === 0 || sequence.events[next - 1]?.type !== 'end'; next++) {
        if (next === sequence.events.length) await new Promise<void>((wake) => (sequence.wake = wake));
        this.taken++;
        yield sequence.events[next]!;
      }
    } finally {
      abort();
    }
  }

  async dispose(): Promise<void> {
    for (const sequence of this.#sequences) sequence.end('aborted');
  }

  #tick(): void {
    if (this.#isTicking) return;
    this.#isTicking = true;
    setImmediate(() => {
      this.#isTicking = false;
      if (this.#steps === 0) return;
      this.#steps--;
      const running = this.#sequences.slice(0, this.slots);
      this.mostRunning = Math.max(this.mostRunning, running.length);
      for (const sequence of running) sequence.step();
      this.#sequences = this.#sequences.filter((sequence) => !sequence.isOver);
      if (this.#sequences.length > 0) this.#tick();
    });
  }
}
