// Answers to questions about a model: what it does with a text, and its files.

import type { DeepseekV3ForCausalLM, Tokenizer } from 'tinyseek/core';
import { modelFolder } from 'tinyseek/more';
import type { Answer, Question } from '../questions.ts';

export interface Subject {
  readonly model: DeepseekV3ForCausalLM;
  readonly tokenizer: Tokenizer;
}

export type Report = (answer: Answer, isLast: boolean) => void;

/** Answers a question; an answer in parts ends early when `signal` is aborted. */
export async function answer(subject: Subject, question: Question, report: Report, signal: AbortSignal): Promise<void> {
  if (question.kind === 'zip') {
    const { writeZip } = await import('./write-zip.ts');
    return report({ kind: 'zip', bytes: writeZip(await modelFolder(subject.model, subject.tokenizer)) }, true);
  }
  const { answerQuestion } = await import('./inspect.ts');
  return answerQuestion(subject, question, report, signal);
}
