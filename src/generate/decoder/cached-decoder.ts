// What a decoder remembers of its sequences, and which passes follow from that. The arithmetic is in `passes`.
//
// The MTP module reads, at position i, the hidden state of token i and the embedding of token i + 1, and has a cache of
// its own. It runs only when a draft is wanted, over all positions since the last draft at once: after a verified draft
// that is no more passes than without. With tokens t0 t1 t2 in the sequence and t3 chosen but not run:
//
//   draft(t3)     runs positions 0 1 2 with tokens t1 t2 t3, and predicts t4
//   draft(t4)     runs position 3 with t4, over its own output at position 2 in place of a hidden state
//   forward(t3, t4)   keeps the entry at 2 and drops the one at 3, which was made without the main model's hidden state

import type { ModelConfig } from '../../config/model-config.ts';
import { UserError } from '../../errors.ts';
import type {
  DrawnTokens,
  Draws,
  GreedyTokens,
  Passes,
  PassesWriter,
  PassRow,
  WrittenRound,
} from '../passes/passes.ts';
import { drawTokens } from '../sampling/draw-tokens.ts';
import { notNumbers } from '../sampling/token-distribution.ts';
import type {
  DecodedText,
  Decoder,
  DecoderWriter,
  DraftToken,
  DrawInput,
  RandomPurpose,
  SequenceTokens,
} from './decoder.ts';

interface Sequence {
  /** Tokens that ran through the main model. */
  tokens: number[];
  /** Tokens given to `draft` since the last `forward`. */
  drafted: number[];
  /** Entries of the MTP module's cache that fit `tokens` and `drafted`. */
  mtpLength: number;
  /** Position of the first hidden state that is kept. */
  hiddenFrom: number;
}

const emptySequence = (): Sequence => ({ tokens: [], drafted: [], mtpLength: 0, hiddenFrom: 0 });

/** Adds rows for tokens that follow each other from a position on. */
function addRows(
  rows: PassRow[],
  slot: number,
  position: number,
  tokens: readonly number[],
  logits: 'all' | 'last' | 'none',
): void {
  const last = tokens.length - 1;
  for (let i = 0; i <= last; i++) {
    const wanted = logits === 'all' || (logits === 'last' && i === last);
    rows.push({ slot, position: position + i, token: tokens[i]!, logits: wanted });
  }
}

/** The draws of all inputs: row i of the logits belongs to input i. */
function drawsOf(inputs: readonly DrawInput[]): Draws {
  const count = inputs.reduce((sum, { quantiles }) => sum + quantiles.length, 0);
  const draws = { rows: new Int32Array(count), quantiles: new Float64Array(count) };
  let at = 0;
  for (let row = 0; row < inputs.length; row++) {
    for (const quantile of inputs[row]!.quantiles) {
      draws.rows[at] = row;
      draws.quantiles[at++] = quantile;
    }
  }
  return draws;
}

/** A decoder over any implementation of passes, which it owns. */
export class CachedDecoder implements Decoder {
  readonly config: ModelConfig;
  readonly slots: number;
  readonly capacity: number;
  readonly canDraft: boolean;
  readonly writer?: DecoderWriter;
  readonly #passes: Passes;
  readonly #sequences: Sequence[];

  constructor(config: ModelConfig, passes: Passes, slots: number, capacity: number, canDraft: boolean) {
    this.config = config;
    this.slots = slots;
    this.capacity = capacity;
    this.canDraft = canDraft;
    this.#passes = passes;
    this.#sequences = Array.from({ length: slots }, emptySequence);
    const { writer } = passes;
    if (writer === undefined) return;
    const { most } = writer;
    this.writer = {
      most,
      canChoose: (filters) => writer.canChoose(filters),
      write: (texts, rounds, drafts) => this.#write(writer, texts, rounds, drafts),
    };
  }

  get cacheBytes(): number {
    const { numHiddenLayers, kvLoraRank, qkRopeHeadDim } = this.config;
    const entries = this.#sequences.map(({ tokens, mtpLength }) => tokens.length * numHiddenLayers + mtpLength);
    return entries.reduce((a, b) => a + b, 0) * (kvLoraRank + qkRopeHeadDim) * 4;
  }

  length(slot: number): number {
    return this.#sequence(slot).tokens.length;
  }

  async forward(inputs: readonly SequenceTokens[]): Promise<readonly Float32Array[]> {
    const values = await this.#run(inputs);
    let start = 0;
    return inputs.map(({ tokens, logits }) => {
      const end = start + (logits === 'all' ? tokens.length : 1) * this.config.vocabSize;
      const own = values.subarray(start, end);
      start = end;
      return own;
    });
  }

  async draw(inputs: readonly DrawInput[], temperature: number): Promise<DrawnTokens> {
    const logits = await this.#run(inputs);
    const draws = drawsOf(inputs);
    const drawn =
      this.#passes.draw?.(draws, temperature) ?? drawTokens(logits, this.config.vocabSize, draws, temperature);
    if (drawn.probabilities.some(Number.isNaN)) throw notNumbers();
    return drawn;
  }

  async greedy(slot: number, token: number, count: number, drafts: boolean): Promise<GreedyTokens | null> {
    const sequence = this.#sequence(slot);
    const { tokens, hiddenFrom } = sequence;
    const position = tokens.length;
    const mtpLength = Math.min(sequence.mtpLength, position - 1);
    const isReady = !this.canDraft || (hiddenFrom <= mtpLength && (!drafts || mtpLength >= position - 2));
    if (this.#passes.greedy === undefined || position === 0 || !isReady) return null;
    this.#checkTokens(slot, [token]);
    this.#checkRoom(position + count);
    const previous = tokens[position - 1]!;
    const run = this.#passes.greedy({ slot, token, position, previous, mtpLength, drafts, count });
    tokens.push(token, ...run.ids.subarray(0, -1));
    sequence.drafted = [];
    sequence.mtpLength = run.mtpLength;
    if (drafts) {
      sequence.hiddenFrom = run.mtpLength;
      this.#passes.forgetHidden(slot, run.mtpLength);
    }
    return run;
  }

  async draft(inputs: readonly DraftToken[]): Promise<readonly Float32Array[]> {
    this.#requireDrafts();
    this.#checkSlots(inputs);
    for (const { slot, token } of inputs) this.#checkDraft(slot, token);
    const missing: PassRow[] = [];
    const rows: PassRow[] = [];
    for (const { slot, token } of inputs) {
      this.#addMissingHidden(missing, slot);
      this.#addDraftRows(rows, slot, token);
    }
    if (missing.length > 0) await this.#passes.main(missing);
    const values = await this.#passes.mtp(rows);
    for (const { slot, token } of inputs) {
      const sequence = this.#sequence(slot);
      sequence.drafted.push(token);
      sequence.mtpLength = sequence.tokens.length - 1 + sequence.drafted.length;
      sequence.hiddenFrom = sequence.tokens.length - 1;
      this.#passes.forgetHidden(slot, sequence.hiddenFrom);
    }
    const V = this.config.vocabSize;
    return inputs.map((_, i) => values.subarray(i * V, (i + 1) * V));
  }

  truncate(slot: number, length: number): void {
    const sequence = this.#sequence(slot);
    if (!(Number.isInteger(length) && length >= 0 && length <= sequence.tokens.length)) {
      throw new Error(`internal: cannot truncate ${sequence.tokens.length} tokens to ${length}`);
    }
    sequence.tokens.length = length;
    sequence.drafted = [];
    sequence.mtpLength = Math.min(sequence.mtpLength, Math.max(0, length - 1));
    if (length > 0) return;
    this.#sequences[slot] = emptySequence();
    this.#passes.clear(slot);
  }

  copy(from: number, to: number): void {
    const source = this.#sequence(from);
    this.#sequence(to);
    if (from === to) return;
    this.#sequences[to] = { ...source, tokens: [...source.tokens], drafted: [...source.drafted] };
    this.#passes.copy(from, to, source.tokens.length + source.drafted.length);
  }

  dispose(): void {
    this.#passes.dispose();
  }

  async #write(
    writer: PassesWriter,
    texts: readonly DecodedText[],
    rounds: number,
    drafts: number,
  ): Promise<readonly (readonly WrittenRound[])[]> {
    if (drafts > 0) this.#requireDrafts();
    const most = rounds * (drafts + 1);
    this.#checkSlots(texts);
    const rows: PassRow[] = [];
    for (const { slot, token } of texts) {
      this.#checkTokens(slot, [token]);
      this.#checkRoom(this.length(slot) + most);
      // The rounds themselves run the module on the last positions.
      if (drafts > 0 && this.#moduleIsBehind(slot, drafts)) this.#addDraftRows(rows, slot, token);
    }
    if (rows.length > 0) await this.#passes.mtp(rows.map((row) => ({ ...row, logits: false })));
    const results = await writer.write(
      texts.map(({ slot, token, filters, random }) => {
        const numbers = (purpose: RandomPurpose) => Array.from({ length: most }, (_, ahead) => random(purpose, ahead));
        const isDrawn = filters.temperature > 0;
        return {
          ...{ ...filters, slot, length: this.length(slot) },
          recent: [...this.#sequence(slot).tokens.slice(-drafts - 1), token],
          random: [
            isDrawn ? numbers('draw') : [],
            isDrawn && drafts > 0 ? numbers('draft') : [],
            isDrawn && drafts > 0 ? numbers('keep') : [],
          ],
        };
      }),
      rounds,
      drafts,
    );
    for (const [i, { slot, token }] of texts.entries()) {
      const sequence = this.#sequence(slot);
      const written = results[i]!.flatMap(({ tokens }) => tokens);
      appendTokens(sequence, [token, ...written.slice(0, -1)]);
      // The module has run up to the tokens that were there before the last round.
      if (drafts > 0) sequence.mtpLength = sequence.tokens.length - results[i]!.at(-1)!.tokens.length;
    }
    return results;
  }

  /** Whether the module has more to run than a round with so many drafts does. */
  #moduleIsBehind(slot: number, drafts: number): boolean {
    const { tokens, mtpLength } = this.#sequence(slot);
    return mtpLength < tokens.length - 1 - drafts;
  }

  /** Runs and records tokens; returns the logits that are wanted, row after row; of a draw, those after its last token. */
  async #run(inputs: readonly (DrawInput | SequenceTokens)[]): Promise<Float32Array> {
    this.#checkSlots(inputs);
    const rows: PassRow[] = [];
    for (const input of inputs) {
      this.#checkTokens(input.slot, input.tokens);
      this.#addMissingHidden(rows, input.slot);
      addRows(rows, input.slot, this.length(input.slot), input.tokens, 'logits' in input ? input.logits : 'last');
    }
    const values = await this.#passes.main(rows);
    for (const { slot, tokens } of inputs) appendTokens(this.#sequence(slot), tokens);
    return values;
  }

  /** The rows of the MTP module that end with `token`. */
  #addDraftRows(rows: PassRow[], slot: number, token: number): void {
    const { tokens, drafted, mtpLength } = this.#sequence(slot);
    const first = Math.min(mtpLength, tokens.length - 1 + drafted.length);
    const known = drafted.length > 0 ? [] : tokens.slice(first + 1);
    addRows(rows, slot, first, [...known, token], 'last');
  }

  /**
   * A row that runs the last token again, if the MTP module will need its hidden state and that is gone. This happens
   * when the sequence was truncated to a length before the last draft.
   */
  #addMissingHidden(rows: PassRow[], slot: number): void {
    const { tokens, hiddenFrom } = this.#sequence(slot);
    const last = tokens.length - 1;
    if (!this.canDraft || last < 0 || hiddenFrom <= last) return;
    addRows(rows, slot, last, [tokens[last]!], 'none');
  }

  #requireDrafts(): void {
    if (!this.canDraft) throw new UserError('decoder: this one makes no drafts; create it with drafts: true');
  }

  #sequence(slot: number): Sequence {
    const sequence = this.#sequences[slot];
    if (sequence === undefined) throw new Error(`internal: slot ${slot} of ${this.slots}`);
    return sequence;
  }

  #checkSlots(inputs: readonly { readonly slot: number }[]): void {
    for (const { slot } of inputs) this.#sequence(slot);
    if (inputs.length === 1) return;
    const distinct = new Set(inputs.map(({ slot }) => slot));
    if (distinct.size < inputs.length) throw new Error('internal: a sequence comes twice in one pass');
  }

  #checkTokens(slot: number, tokens: readonly number[]): void {
    if (tokens.length === 0) throw new UserError('decoder: no tokens; give at least one');
    for (const token of tokens) this.#checkToken(token);
    this.#checkRoom(this.length(slot) + tokens.length);
  }

  #checkRoom(length: number): void {
    if (length <= this.capacity) return;
    throw new UserError(
      `decoder: ${length} tokens, but a sequence may have at most ${this.capacity}; shorten the text, or ask for fewer new tokens`,
    );
  }

  #checkDraft(slot: number, token: number): void {
    this.#checkToken(token);
    const { tokens, drafted } = this.#sequence(slot);
    if (tokens.length === 0) throw new UserError('decoder: a draft needs at least one token before it; run one first');
    if (tokens.length + drafted.length <= this.capacity) return;
    throw new UserError(
      `decoder: no room for a draft of token ${tokens.length + drafted.length + 1}; a sequence may have at most ${this.capacity}`,
    );
  }

  #checkToken(token: number): void {
    const V = this.config.vocabSize;
    if (Number.isInteger(token) && token >= 0 && token < V) return;
    throw new UserError(`decoder: token id ${token} is outside the vocabulary; use 0 to ${V - 1}`);
  }
}

/**
 * Records tokens that have run, and shortens the MTP module's cache to the entries that fit them. The entry of the
 * first draft comes from a hidden state of the main model: it stays if the token that it was drafted from is the first
 * one added. The entries of later drafts come from the module's own output instead, so they are dropped in any case.
 */
function appendTokens(sequence: Sequence, added: readonly number[]): void {
  const { tokens, drafted, mtpLength } = sequence;
  const last = Math.max(0, tokens.length - 1);
  if (drafted.length > 0) sequence.mtpLength = Math.min(mtpLength, drafted[0] === added[0] ? tokens.length : last);
  sequence.drafted = [];
  sequence.hiddenFrom = Math.min(sequence.hiddenFrom, last);
  for (const token of added) tokens.push(token);
}
