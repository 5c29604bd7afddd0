// The file of `--config`, and the settings that come of it with the other options.

import { readFileSync } from 'node:fs';
import { type RunConfig, resolveRunConfig } from '../config/resolve.ts';
import { UserError } from '../errors.ts';
import { explainFsErrors } from '../io/file-system.ts';
import { parseYaml } from '../io/yaml.ts';
import { type RunOptions, settings } from './run-options.ts';

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads a YAML (or JSON) file of settings; an empty file has none.
 *
 * @throws UserError that names the line.
 */
export function readConfigFile(path: string): Readonly<Record<string, unknown>> {
  const text = explainFsErrors('config: cannot read', path, () => readFileSync(path, 'utf8'));
  const value = parseYaml(text, `config: ${path}`) ?? {};
  if (!isMapping(value)) {
    throw new UserError(`config: ${path}: expected settings such as \`steps: 500\`, one a line; found something else`);
  }
  return value;
}

/** The complete, checked settings that the options of a command ask for. */
export function resolveOptions(options: RunOptions): RunConfig {
  const { preset, config } = options;
  return resolveRunConfig({
    ...(preset === undefined ? {} : { preset }),
    ...(config === undefined ? {} : { file: readConfigFile(config) }),
    set: settings(options),
  });
}
