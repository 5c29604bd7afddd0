// One message for each error that ends the command: what happened and what to do, the stack only with DEBUG=1.

import { CommanderError } from 'commander';
import { UserError } from '../errors.ts';

const exitUser = 1;
const exitUsage = 2;
const exitBug = 70;

/** What the operating system may refuse, in words. */
const systemErrors: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the disk; free some and try again',
  EDQUOT: 'disk quota used up; free some space and try again',
  EACCES: 'permission denied; choose another folder or change its permissions',
  EPERM: 'operation not permitted; choose another folder or change its permissions',
  EROFS: 'the file system is read-only; choose another folder',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of this path is a file, not a folder',
  EISDIR: 'this is a folder, not a file',
  EMFILE: 'too many open files; raise the limit (ulimit -n)',
};

function systemMessage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const words = systemErrors[error.code];
  if (words === undefined) return undefined;
  return 'path' in error && typeof error.path === 'string' ? `${error.path}: ${words}` : words;
}

function usageExitCode(error: CommanderError): number {
  return error.exitCode === 0 ? 0 : exitUsage;
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return usageExitCode(error);
  return error instanceof UserError || systemMessage(error) !== undefined ? exitUser : exitBug;
}

/** The message for standard error, without a stack; empty if the command line parser has printed its own. */
export function errorMessage(error: unknown): string {
  if (error instanceof CommanderError) return '';
  if (error instanceof UserError) return `tinyseek: ${error.message}`;
  const system = systemMessage(error);
  if (system !== undefined) return `tinyseek: ${system}`;
  const message = error instanceof Error ? error.message : String(error);
  return `tinyseek: ${message}\nThis is a bug in tinyseek. Run the command again with DEBUG=1 to see where it happened.`;
}

/** Prints an error to standard error, with its stack and causes if DEBUG=1 is set. */
export function reportError(error: unknown): void {
  const message = errorMessage(error);
  if (message !== '') process.stderr.write(`${message}\n`);
  if (process.env.DEBUG === '1' && message !== '') console.error(error);
}
