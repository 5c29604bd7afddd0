// Continuous batching: prompts enter and leave a running batch at any step, over the slots of one decoder.
//
// A step is one pass over pieces of prompts and one pass that gives each running text its next token, so that neither
// holds up the other. They are two passes because their shapes differ: the second has few tokens of many sequences.
// Where the decoder chooses tokens itself, it gives the texts that need no more than that several tokens in a step.

import type { Tokenizer } from '../../data/types.ts';
import { UserError } from '../../errors.ts';
import { nextTurn } from '../../event-loop.ts';
import type { Decoder, DecoderWriter } from '../decoder/decoder.ts';
import { checkRequest } from './check-request.ts';
import { Generation } from './generation.ts';
import type { GenerationEvent, GenerationRequest, Generator } from './generator.ts';
import { type Attempt, attemptEach } from './isolate.ts';
import { Pace } from './pace.ts';
import { PrefillQueue } from './prefill-queue.ts';

export interface GeneratorOptions {
  /**
   * Tokens that the MTP module proposes for each pass of the main model; the decoder must be able to draft. Default 0.
   */
  readonly drafts?: number;
}

// Tokens that the decoder writes by itself: as many as take this long, within these limits.
const aheadMilliseconds = 2;
const [fewestAhead, mostAhead] = [2, 32];

// Timers, sockets and signals are served at least this often.
const breathMilliseconds = 4;

/** A generator over a decoder, which it owns from now on. */
export function createGenerator(
  decoder: Decoder,
  tokenizer: Tokenizer,
  { drafts = 0 }: GeneratorOptions = {},
): Generator {
  if (drafts > 0 && !decoder.canDraft) {
    throw new UserError('generate: the decoder cannot draft; create it with drafts, from a model with an MTP module');
  }
  return new BatchGenerator(decoder, tokenizer, drafts);
}

class BatchGenerator implements Generator {
  readonly #decoder: Decoder;
  readonly #tokenizer: Tokenizer;
  readonly #drafts: number;
  readonly #freeSlots: number[];
  readonly #prefills = new PrefillQueue();
  readonly #pace = new Pace();
  #waiting: Generation[] = [];
  #decoding: Generation[] = [];
  #loop: Promise<void> | null = null;
  #isDisposed = false;
  #breathedAt = 0;
  #ahead = fewestAhead;

  constructor(decoder: Decoder, tokenizer: Tokenizer, drafts: number) {
    this.#decoder = decoder;
    this.#tokenizer = tokenizer;
    this.#drafts = drafts;
    this.#freeSlots = Array.from({ length: decoder.slots }, (_, slot) => decoder.slots - 1 - slot);
  }

  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#decoder.slots - this.#freeSlots.length, waiting: this.#waiting.length };
  }

  submit(request: GenerationRequest): AsyncIterable<GenerationEvent> {
    const limits = { vocabSize: this.#decoder.config.vocabSize, capacity: this.#decoder.capacity };
    const generation = new Generation(request, this.#tokenizer, limits);
    try {
      if (this.#isDisposed) throw new UserError('generate: the generator is closed; create another one');
      checkRequest(request, limits);
      this.#waiting.push(generation);
      this.#loop ??= this.#run();
    } catch (error) {
      generation.fail(error);
    }
    return generation.events;
  }

  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    for (const generation of this.#all()) generation.abandon();
    await this.#loop;
    this.#decoder.dispose();
  }

  get #isBusy(): boolean {
    return this.#decoding.length > 0 || this.#waiting.length > 0 || !this.#prefills.isEmpty;
  }

  #all(): readonly Generation[] {
    return [...this.#waiting, ...this.#prefills.generations, ...this.#decoding];
  }

  async #run(): Promise<void> {
    // What is submitted together starts together.
    await Promise.resolve();
    while (this.#isBusy) {
      try {
        this.#dropAborted();
        this.#admit();
        await this.#prefill();
        await this.#decode();
      } catch (error) {
        for (const generation of this.#all()) this.#end(generation, () => generation.fail(error));
      }
      await this.#breathe();
    }
    this.#loop = null;
  }

  /** Ends a generation and frees its slot. */
  #end(generation: Generation, how: () => void): void {
    this.#waiting = this.#waiting.filter((other) => other !== generation);
    this.#decoding = this.#decoding.filter((other) => other !== generation);
    this.#prefills.remove(generation, (from, to) => this.#decoder.copy(from, to));
    if (!generation.isOver) how();
    if (generation.slot === -1) return;
    this.#decoder.truncate(generation.slot, 0);
    this.#freeSlots.push(generation.slot);
    generation.slot = -1;
  }

  #dropAborted(): void {
    for (const generation of this.#all()) {
      if (generation.isAborted) this.#end(generation, () => generation.finish('aborted'));
    }
  }

  #admit(): void {
    while (this.#freeSlots.length > 0 && this.#waiting.length > 0) {
      const generation = this.#waiting.shift()!;
      generation.slot = this.#freeSlots.pop()!;
      generation.start();
      this.#prefills.add(generation);
    }
  }

  async #prefill(): Promise<void> {
    if (this.#prefills.isEmpty) return;
    const pieces = this.#prefills.nextPieces();
    const results = await this.#forward(pieces.map(({ input }) => input));
    for (const [i, piece] of pieces.entries()) {
      const { value: logits, error } = results[i]!;
      const { members, done } = piece.prefill;
      if (logits === null) {
        this.#prefills.drop(piece.prefill);
        for (const member of members) this.#end(member, () => member.fail(error));
        continue;
      }
      for (const member of members) member.scorePrompt(done, piece.input.tokens.length, logits);
      const last = logits.subarray(logits.length - this.#decoder.config.vocabSize);
      if (this.#prefills.finishPiece(piece)) this.#begin(members, last);
    }
  }

  /** Begins the generations that share a prompt, which is in the slot of the first: the others get copies. */
  #begin(members: readonly Generation[], logits: Float32Array): void {
    const [first, ...others] = members;
    for (const other of others) this.#decoder.copy(first!.slot, other.slot);
    this.#decoding.push(...members);
    for (const member of members) this.#guard(member, () => member.begin(logits));
  }

  async #decode(): Promise<void> {
    if (await this.#decodeAhead()) return;
    const { writer } = this.#decoder;
    const isWritten = (generation: Generation) =>
      writer !== undefined && generation.needsOnlyTokens && writer.canChoose(generation.request.sampling);
    const written = this.#decoding.filter(isWritten);
    const others = this.#decoding.filter((generation) => !written.includes(generation));
    if (writer !== undefined && written.length > 0) await this.#write(writer, written, others.length > 0);
    await this.#step(others);
  }

  /** Has the decoder continue texts by itself; by one pass only where `othersWait` for it. */
  async #write(writer: DecoderWriter, running: readonly Generation[], othersWait: boolean): Promise<void> {
    const room = Math.min(...running.map((generation) => generation.room));
    const drafts = room > this.#drafts ? this.#drafts : 0;
    const most = othersWait ? 1 : Math.floor(Math.min(writer.most, room) / (drafts + 1));
    const rounds = this.#pace.next(most);
    const start = performance.now();
    const results = await writer.write(
      running.map(({ slot, lastToken: token, sampler, request: { sampling: filters } }) => {
        return { slot, token, filters, random: (purpose, ahead) => sampler.random(purpose, ahead) };
      }),
      rounds,
      drafts,
    );
    this.#pace.note(rounds, performance.now() - start, writer.most);
    for (const [i, generation] of running.entries()) this.#guard(generation, () => generation.take(results[i]!));
  }

  /** One pass, from whose logits the host chooses the next token of each text. */
  async #step(texts: readonly Generation[]): Promise<void> {
    for (let ahead = 0; ahead < this.#drafts; ahead++) await this.#draft(texts, ahead);
    const running = texts.filter(({ isOver }) => !isOver);
    if (running.length === 0) return;
    const results = await this.#forward(
      running.map(({ slot, lastToken, sampler: { drafts } }) => {
        return { slot, tokens: [lastToken, ...drafts], logits: drafts.length === 0 ? 'last' : 'all' };
      }),
    );
    for (const [i, generation] of running.entries()) {
      const { value: logits, error } = results[i]!;
      this.#guard(generation, () => {
        if (logits === null) throw error;
        this.#advance(generation, logits);
      });
    }
  }

  /**
   * Lets the decoder write several tokens by itself where one text runs alone and takes the most likely ones. Returns
   * whether it did.
   */
  async #decodeAhead(): Promise<boolean> {
    const [generation, ...others] = this.#decoding;
    if (generation === undefined || others.length > 0 || !generation.isPlainlyGreedy || this.#drafts > 1) return false;
    const { slot, lastToken, room } = generation;
    const drafts = this.#drafts === 1 && generation.draftsPay;
    const start = performance.now();
    try {
      const run = await this.#decoder.greedy(slot, lastToken, Math.min(room, this.#ahead), drafts);
      if (run === null) return false;
      const most = (aheadMilliseconds * run.ids.length) / (performance.now() - start);
      this.#ahead = Math.min(mostAhead, Math.max(fewestAhead, Math.floor(most)));
      generation.takeGreedy(run);
    } catch (error) {
      generation.fail(error);
    }
    if (generation.isOver) this.#end(generation, () => {});
    return true;
  }

  /** Drafts one more token for each text that has room for it. */
  async #draft(texts: readonly Generation[], ahead: number): Promise<void> {
    const takers = texts.filter(({ isOver, draftRoom }) => !isOver && draftRoom > ahead);
    if (takers.length === 0) return;
    const inputs = takers.map(({ slot, lastToken, sampler }) => ({ slot, token: sampler.drafts.at(-1) ?? lastToken }));
    const results = await attemptEach(inputs, (some) => this.#decoder.draft(some));
    for (const [i, generation] of takers.entries()) {
      const { value: logits, error } = results[i]!;
      this.#guard(generation, () => {
        if (logits === null) throw error;
        generation.sampler.draft(logits);
      });
    }
  }

  #advance(generation: Generation, logits: Float32Array): void {
    const { length: drafted } = generation.sampler.drafts;
    const kept = generation.advance(logits);
    if (kept === drafted) return;
    this.#decoder.truncate(generation.slot, this.#decoder.length(generation.slot) - (drafted - kept));
  }

  /**
   * Runs an action for one generation. If it fails, or if the generation is over afterwards, the others are not
   * affected.
   */
  #guard(generation: Generation, action: () => void): void {
    try {
      action();
    } catch (error) {
      generation.fail(error);
    }
    if (generation.isOver) this.#end(generation, () => {});
  }

  #forward(inputs: Parameters<Decoder['forward']>[0]): Promise<readonly Attempt[]> {
    const lengths = new Map(inputs.map(({ slot }) => [slot, this.#decoder.length(slot)]));
    return attemptEach(
      inputs,
      (some) => this.#decoder.forward(some),
      ({ slot }) => this.#decoder.truncate(slot, lengths.get(slot)!),
    );
  }

  async #breathe(): Promise<void> {
    if (performance.now() - this.#breathedAt < breathMilliseconds) return;
    await nextTurn();
    this.#breathedAt = performance.now();
  }
}
