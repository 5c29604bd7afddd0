// Answers to what the page asks about a model: where tokens go, where heads look, how it carries a text on.

import {
  createDecoder,
  createGenerator,
  type DeepseekV3ForCausalLM,
  defaultSampling,
  type GeneratedToken,
  type GenerationStatistics,
  type Tokenizer,
} from 'tinyseek/core';
import { attentionOf, draftMarks, routingOf } from 'tinyseek/more';
import type { Answer, Question, ReadText, TextToken, WrittenToken } from '../questions.ts';

/** The model that is asked about. Its weights do not change while it answers. */
export interface Subject {
  readonly model: DeepseekV3ForCausalLM;
  readonly tokenizer: Tokenizer;
}

/** Questions about what a model does with a text. */
export type TextQuestion = Exclude<Question, { readonly kind: 'zip' }>;

/** Takes a part of an answer, or all of it. */
export type Report = (answer: Answer, isLast: boolean) => void;

/** Parts of an answer are not sent more often than this. */
const partMilliseconds = 100;

/**
 * Answers a question. A continuation is answered in parts, and ends early when `signal` is aborted.
 *
 * @throws {UserError} for a layer or head that the model lacks, and for a text without tokens
 */
export async function answerQuestion(
  subject: Subject,
  question: TextQuestion,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  switch (question.kind) {
    case 'routing': {
      const { ids, ...text } = read(subject, question.text);
      return report({ kind: 'routing', ...text, layers: await routingOf(subject.model, ids) }, true);
    }
    case 'attention': {
      const { ids, ...text } = read(subject, question.text);
      const { layer, head } = question;
      return report({ kind: 'attention', ...text, ...(await attentionOf(subject.model, ids, layer, head)) }, true);
    }
    case 'continuation':
      return write(subject, question, report, signal);
  }
}

function read({ model, tokenizer }: Subject, text: string): ReadText & { readonly ids: readonly number[] } {
  const all = [...startOf(tokenizer), ...tokenizer.encode(text)];
  const ids = all.slice(0, model.config.maxPositionEmbeddings);
  return { ids, tokens: ids.map((id) => tokenOf(tokenizer, id)), total: all.length };
}

/** What a document begins after in training. */
function startOf({ eosTokenId }: Tokenizer): readonly number[] {
  return eosTokenId === null ? [] : [eosTokenId];
}

/** A token by itself; bytes that are no character are written as numbers. */
function tokenOf(tokenizer: Tokenizer, id: number): TextToken {
  if (tokenizer.byteLength(id) === 0) return { id, text: id === tokenizer.eosTokenId ? '<end>' : `<${id}>` };
  const text = tokenizer.decode([id]);
  if (!text.includes('\uFFFD')) return { id, text };
  const bytes = Array.from(tokenizer.decodeBytes([id]), (byte) => byte.toString(16).toUpperCase().padStart(2, '0'));
  return { id, text: `<${bytes.join(' ')}>` };
}

async function write(
  { model, tokenizer }: Subject,
  question: Extract<Question, { readonly kind: 'continuation' }>,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const { prompt, maxNewTokens, temperature, topP, seed, drafts, stop } = question;
  const canDraft = drafts && model.config.numNextnPredictLayers > 0;
  const decoder = createDecoder(model, { drafts: canDraft });
  const generator = createGenerator(decoder, tokenizer, { drafts: canDraft ? 1 : 0 });
  const room = Math.max(1, decoder.capacity - maxNewTokens);
  const promptIds = [...startOf(tokenizer), ...tokenizer.encode(prompt)].slice(-room);
  const sampling = { ...defaultSampling, temperature, topP, seed };
  const written: GeneratedToken[] = [];
  let reportedAt = performance.now();
  const answer = (statistics?: GenerationStatistics, rest = ''): Answer => ({
    kind: 'continuation',
    tokens: writtenTokens(tokenizer, written, rest),
    promptTokens: promptIds.length,
    forwardPasses: statistics?.forwardPasses ?? written.length - draftMarks(written).passesSaved,
    drafted: statistics?.drafted ?? written.filter(({ draft }) => draft !== null).length,
    accepted: statistics?.accepted ?? draftMarks(written).kept,
  });
  try {
    const request = { promptIds, maxNewTokens, sampling, stop, topLogprobs: null, signal };
    for await (const event of generator.submit(request)) {
      if (event.type === 'token') written.push(event);
      if (event.type === 'end') report(answer(event.statistics, event.text), true);
      else if (performance.now() - reportedAt > partMilliseconds) {
        report(answer(), false);
        reportedAt = performance.now();
      }
    }
  } finally {
    await generator.dispose();
  }
}

/** Tokens with their marks; what was held back until the end belongs to the last one. */
function writtenTokens(tokenizer: Tokenizer, written: readonly GeneratedToken[], rest: string): WrittenToken[] {
  return draftMarks(written).tokens.map(({ id, text, mark, draft }, i) => ({
    id,
    text: i === written.length - 1 ? text + rest : text,
    mark,
    draft: draft === null ? null : tokenOf(tokenizer, draft),
  }));
}
