// One message for each error that ends the command: what happened and what to do, the stack only with DEBUG=1.

import { CommanderError } from 'commander';
import { UserError } from '../errors.ts';
import { print } from './terminal/print.ts';

const exitUser = 1;
const exitUsage = 2;
const exitBug = 70;

/** What the operating system refused, where no part of the program has put it into better words. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

/** What JavaScript says where memory for numbers is not to be had. */
function isOutOfMemory(error: unknown): error is RangeError {
  return (
    error instanceof RangeError && /^(Array buffer allocation failed|Invalid typed array length)/.test(error.message)
  );
}

function usageExitCode(error: CommanderError): number {
  return error.exitCode === 0 ? 0 : exitUsage;
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return usageExitCode(error);
  return error instanceof UserError || isSystemError(error) || isOutOfMemory(error) ? exitUser : exitBug;
}

/** The message for standard error, without a stack; empty if the command line parser has printed its own. */
export function errorMessage(error: unknown): string {
  if (error instanceof CommanderError) return '';
  if (error instanceof UserError || isSystemError(error)) return `tinyseek: ${error.message}`;
  if (isOutOfMemory(error)) {
    return `tinyseek: there is not enough memory (${error.message}); take a smaller model, batch or file`;
  }
  const message = error instanceof Error ? error.message : String(error);
  return `tinyseek: ${message}\nThis is a bug in tinyseek. Run the command again with DEBUG=1 to see where it happened.`;
}

/** Prints an error to standard error, with its stack and causes if DEBUG=1 is set. */
export function reportError(error: unknown): void {
  const message = errorMessage(error);
  if (message !== '') print(process.stderr, [message]);
  if (process.env.DEBUG === '1' && message !== '') console.error(error);
}
