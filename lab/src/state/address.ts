// Settings in the address, so that a link shares them: `#preset=tiny&data=moby-dick,code&steps=200`.

import { effect } from '@preact/signals';
import { resolveRunConfig, UserError } from 'tinyseek/core';
import { corpora, labPresets, presetNamed } from './presets.ts';
import type { LabBackend } from '../protocol.ts';
import { backend, changes, choosePreset, corpusNames, preset, presetName, settingsMessage } from './settings.ts';

/** Takes what the address says, and keeps it up to date from then on. */
export function readAddress(): void {
  takeAddress();
  addEventListener('hashchange', takeAddress);
  effect(() => {
    const hash = addressOf(presetName.value, corpusNames.value, backend.value, changes.value);
    if (hash !== location.hash) history.replaceState(null, '', hash === '' ? location.pathname : hash);
  });
}

function addressOf(
  name: string,
  data: readonly string[],
  computer: LabBackend,
  own: Readonly<Record<string, string>>,
): string {
  const isPresets = data.join() === presetNamed(name)?.corpora.join();
  const parts = new URLSearchParams({
    preset: name,
    ...(isPresets ? {} : { data: data.join() }),
    ...(computer === 'auto' ? {} : { backend: computer }),
    ...own,
  });
  const isPlain = name === 'tiny' && isPresets && computer === 'auto' && Object.keys(own).length === 0;
  return isPlain ? '' : `#${parts}`;
}

function takeAddress(): void {
  const parts = [...new URLSearchParams(location.hash.slice(1))];
  const problems: string[] = [];
  const wanted = parts.find(([key]) => key === 'preset')?.[1] ?? 'tiny';
  if (presetNamed(wanted) === undefined) {
    problems.push(`there is no preset ${wanted}; there are ${labPresets.map(({ name }) => name).join(', ')}`);
  }
  choosePreset(presetNamed(wanted)?.name ?? 'tiny');
  backend.value = 'auto';
  for (const [key, value] of parts) {
    if (key === 'data') takeCorpora(value, problems);
    else if (key === 'backend') takeBackend(value, problems);
    else if (key !== 'preset') takeSetting(key, value, problems);
  }
  settingsMessage.value =
    problems.length === 0 ? '' : `Of this link, some settings were left out: ${problems.join('; ')}`;
}

function takeCorpora(value: string, problems: string[]): void {
  const names = value.split(',');
  const unknown = names.find((name) => !corpora.some((corpus) => corpus.name === name));
  if (unknown === undefined) corpusNames.value = names;
  else problems.push(`there is no text ${unknown}; there are ${corpora.map(({ name }) => name).join(', ')}`);
}

function takeBackend(value: string, problems: string[]): void {
  if (value === 'auto' || value === 'webgpu') backend.value = value;
  else problems.push(`there is no backend ${value}; there are auto, webgpu`);
}

function takeSetting(key: string, value: string, problems: string[]): void {
  const others = Object.entries(changes.value).map(([other, its]) => `${other}=${its}`);
  try {
    resolveRunConfig({ preset: preset.value.base, set: [...preset.value.set, ...others, `${key}=${value}`] });
    changes.value = { ...changes.value, [key]: value };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(error.message.replace(/^--set: /, ''));
  }
}
