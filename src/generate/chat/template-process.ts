// Runs in a process of its own: a chat template, which is a program in Jinja.

import { Template } from '@huggingface/jinja';
import { answerCalls } from '../../data/foreign-code/process-entry.ts';

/** A prompt is shorter; texts beyond it are the work of a template that repeats itself. */
const maxCharacters = 16 << 20;

answerCalls((source: string) => {
  const template = new Template(source);
  return (variables: Record<string, unknown> | null) => {
    if (variables === null) return null; // whether it can be read
    const text = template.render(variables);
    if (text.length > maxCharacters) throw new Error(`it wrote ${text.length} characters`);
    return text;
  };
});
