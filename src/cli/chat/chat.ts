// A chat, line by line: what is a command and what is said to the model. It knows no terminal; text goes to `write`.

import { writeFileSync } from 'node:fs';
import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.ts';
import type { Answer, Conversation } from '../../generate/chat/conversation.ts';
import { jsonText } from '../../io/json.ts';
import { formatCount, plural } from '../terminal/format.ts';
import { type ChatSettings, changeSetting, settingLines } from './chat-settings.ts';

/** Where a chat writes to. */
export interface ChatOutput {
  /** Part of an answer. */
  readonly answer: (text: string) => void;
  /** A line that is no answer. */
  readonly note: (line: string) => void;
}

interface Command {
  readonly usage: string;
  readonly help: string;
  readonly run: (rest: string) => void;
}

export class Chat {
  readonly #conversation: Conversation;
  readonly #output: ChatOutput;
  readonly #commands: ReadonlyMap<string, Command>;
  #settings: ChatSettings;
  #answering: AbortController | null = null;
  #isOver = false;

  constructor(conversation: Conversation, settings: ChatSettings, output: ChatOutput) {
    this.#conversation = conversation;
    this.#settings = settings;
    this.#output = output;
    this.#commands = this.#createCommands();
  }

  /** Whether `/quit` was given. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Stops the answer that is being written. Returns whether there was one. */
  stopAnswer(): boolean {
    if (this.#answering === null) return false;
    this.#answering.abort();
    return true;
  }

  /** Does what a line says; what is wrong with it is a note. */
  async take(line: string): Promise<void> {
    try {
      if (line.startsWith('/')) this.#command(line);
      else if (line.trim() !== '') await this.#say(line);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#output.note(error.message);
    }
  }

  async #say(line: string): Promise<void> {
    const answering = new AbortController();
    this.#answering = answering;
    try {
      const { answer: onText } = this.#output;
      const answer = await this.#conversation.say(line, { ...this.#settings, signal: answering.signal, onText });
      onText('\n');
      for (const note of notesOn(answer)) this.#output.note(note);
    } finally {
      this.#answering = null;
    }
  }

  #command(line: string): void {
    const [, name = '', rest = ''] = /^\/(\S*)\s*(.*)$/s.exec(line) ?? [];
    const command = this.#commands.get(name);
    if (command === undefined) {
      const nearest = closest(name, [...this.#commands.keys()]);
      throw new UserError(`/${name}: unknown command; did you mean /${nearest}? /help lists them`);
    }
    command.run(rest.trim());
  }

  #createCommands(): ReadonlyMap<string, Command> {
    return new Map<string, Command>([
      ['help', { usage: '/help', help: 'list the commands', run: () => this.#help() }],
      ['reset', { usage: '/reset', help: 'forget the conversation', run: () => this.#reset() }],
      ['system', { usage: '/system TEXT', help: 'begin anew, after this text', run: (text) => this.#reset(text) }],
      ['set', { usage: '/set NAME VALUE', help: 'change a setting; alone: show them', run: (rest) => this.#set(rest) }],
      ['save', { usage: '/save FILE', help: 'write the conversation as JSON', run: (path) => this.#save(path) }],
      ['quit', { usage: '/quit', help: 'leave, as Ctrl-D does', run: () => this.#quit() }],
    ]);
  }

  #quit(): void {
    this.#isOver = true;
  }

  #help(): void {
    for (const { usage, help } of this.#commands.values()) this.#output.note(`${usage.padEnd(16)} ${help}`);
    this.#output.note(`${'Ctrl-C'.padEnd(16)} stop the answer`);
  }

  #reset(system?: string): void {
    this.#conversation.reset(system === '' ? null : system);
    this.#output.note(
      system === undefined || system === '' ? 'A new conversation.' : 'A new conversation, after this text.',
    );
  }

  #set(rest: string): void {
    const [name = '', value = ''] = rest.split(/\s+/);
    if (name === '') for (const line of settingLines(this.#settings)) this.#output.note(line);
    else {
      this.#settings = changeSetting(this.#settings, name, value);
      this.#output.note(`${name} is ${value} now.`);
    }
  }

  #save(path: string): void {
    if (path === '') throw new UserError('/save: expected the name of a file, such as /save chat.json');
    const { messages } = this.#conversation;
    try {
      writeFileSync(path, jsonText({ messages }), { flag: 'wx' });
    } catch (cause) {
      const why = (cause as NodeJS.ErrnoException).code === 'EEXIST' ? 'it exists' : String((cause as Error).message);
      throw new UserError(`/save: cannot write ${path}: ${why}; choose another name`, { cause });
    }
    this.#output.note(`${plural(messages.length, 'message')} saved to ${path}.`);
  }
}

function notesOn({ finishReason, forgotten, statistics }: Answer): string[] {
  const { newTokens, decodeSeconds, drafted, accepted } = statistics;
  const speed = newTokens > 1 ? [`${formatCount((newTokens - 1) / decodeSeconds)} tokens/s`] : [];
  const drafts = drafted > 0 ? [`${((100 * accepted) / drafted).toFixed(0)} % of the drafts kept`] : [];
  const why = { stop: [], length: ['cut off at the limit'], aborted: ['stopped'] }[finishReason];
  const notes = [`(${[plural(newTokens, 'token'), ...speed, ...drafts, ...why].join(', ')})`];
  return forgotten === 0 ? notes : [...notes, `(the context is full: the first ${forgotten} messages were left out)`];
}
