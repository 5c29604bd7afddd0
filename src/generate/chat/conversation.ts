// A conversation with a model: messages in, an answer out, within the context.

import type { GenerationEnd, GenerationStatistics, Generator } from '../batch/generator.ts';
import type { SamplingOptions } from '../sampling/sampling.ts';
import type { ChatFormat, ChatMessage } from './chat-prompt.ts';

export interface AnswerOptions {
  readonly maxNewTokens: number;
  readonly sampling: SamplingOptions;
  readonly signal: AbortSignal;
  readonly onText: (text: string) => void;
}

export interface Answer {
  readonly text: string;
  readonly finishReason: GenerationEnd['finishReason'];
  readonly statistics: GenerationStatistics;
  /** Messages at the beginning of the conversation that did not fit the context any more. */
  readonly forgotten: number;
}

export class Conversation {
  readonly #generator: Generator;
  readonly #format: ChatFormat;
  readonly #capacity: number;
  #system: string | null = null;
  #turns: readonly ChatMessage[] = [];

  /** @param capacity tokens that a sequence can hold */
  constructor(generator: Generator, format: ChatFormat, capacity: number) {
    this.#generator = generator;
    this.#format = format;
    this.#capacity = capacity;
  }

  /** All messages so far, the system message first. */
  get messages(): readonly ChatMessage[] {
    return this.#withSystem(this.#turns);
  }

  /** Forgets what was said, and sets the message that comes before all others. */
  reset(system: string | null = this.#system): void {
    this.#system = system;
    this.#turns = [];
  }

  /**
   * Adds a message of the user and generates the answer. An aborted answer is kept as far as it was generated; if
   * generation fails, neither the message nor the answer is kept.
   *
   * @throws UserError when the message alone is longer than the context, or the template refuses it.
   */
  async say(content: string, options: AnswerOptions): Promise<Answer> {
    const turns: readonly ChatMessage[] = [...this.#turns, { role: 'user', content }];
    const { promptIds, forgotten } = await this.#fit(turns, options.maxNewTokens);
    const { sampling, onText, ...limits } = options;
    // A message that is repeated should get another answer.
    const seed = sampling.seed + this.#turns.length / 2;
    const request = {
      ...limits,
      promptIds,
      sampling: { ...sampling, seed },
      stop: this.#format.stop,
      topLogprobs: null,
    };
    let text = '';
    for await (const event of this.#generator.submit(request)) {
      text += event.text;
      onText(event.text);
      if (event.type !== 'end') continue;
      this.#turns = [...turns, { role: 'assistant', content: text }];
      const { finishReason, statistics } = event;
      return { text, finishReason, statistics, forgotten };
    }
    throw new Error('internal: an answer without an end');
  }

  #withSystem(turns: readonly ChatMessage[]): readonly ChatMessage[] {
    return this.#system === null ? turns : [{ role: 'system', content: this.#system }, ...turns];
  }

  /** The prompt with as many of the last turns as leave room for an answer, or for half the context. */
  async #fit(turns: readonly ChatMessage[], maxNewTokens: number) {
    const room = this.#capacity - Math.min(maxNewTokens, this.#capacity >> 1);
    for (let forgotten = 0; ; forgotten += 2) {
      const promptIds = await this.#format.encode(this.#withSystem(turns.slice(forgotten)));
      if (promptIds.length <= room || forgotten + 2 >= turns.length) return { promptIds, forgotten };
    }
  }
}
