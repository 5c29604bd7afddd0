// What is chosen for the next run: a preset and its changes, the text, and a model to begin with.

import { computed, signal } from '@preact/signals';
import { countParameters, type RunConfig, resolveRunConfig, UserError } from 'tinyseek/core';
import type { LabBackend, TextSource } from '../protocol.ts';
import { type LabPreset, labPresets, presetNamed } from './presets.ts';
import { remember, remembered } from './remembered.ts';

export const presetName = signal('tiny');
/** Settings that differ from the preset, by key. */
export const changes = signal<Readonly<Record<string, string>>>({});
export const corpusNames = signal<readonly string[]>(labPresets[0]!.corpora);
/** What computes. */
export const backend = signal<LabBackend>('auto');
/** A text of the user's in place of corpora. */
export const ownText = signal<{ readonly name: string; readonly text: string } | null>(null);
/** Says which settings are wrong, of a link or of the form. */
export const settingsMessage = signal('');

export const preset = computed<LabPreset>(() => presetNamed(presetName.value) ?? labPresets[0]!);

/** `key=value` of everything that differs from the preset of the library. */
export const settingPairs = computed<readonly string[]>(() => {
  const pairs = Object.entries(changes.value).map(([key, value]) => `${key}=${value}`);
  const own = new Set(Object.keys(changes.value));
  return [...preset.value.set.filter((pair) => !own.has(pair.split('=')[0]!)), ...pairs];
});

type Resolved =
  | { readonly config: RunConfig; readonly error: null }
  | { readonly config: null; readonly error: string };

/** The complete settings, or what is wrong with them. */
export const resolved = computed<Resolved>(() => {
  try {
    const config = resolveRunConfig({ preset: preset.value.base, set: settingPairs.value });
    return { config, error: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { config: null, error: error.message };
  }
});

export const source = computed<TextSource>(() =>
  ownText.value === null ? { kind: 'corpora', names: corpusNames.value } : { kind: 'own', ...ownText.value },
);

export function choosePreset(name: string): void {
  presetName.value = name;
  changes.value = {};
  corpusNames.value = preset.value.corpora;
  settingsMessage.value = '';
}

/** Changes one setting; the preset's own value takes the change back. */
export function changeSetting(key: string, value: string): void {
  const { [key]: _, ...others } = changes.value;
  changes.value = others;
  const { config } = resolved.value;
  const now = config === null ? undefined : Reflect.get({ ...config.model, ...config.train }, key);
  if (String(now) !== value) changes.value = { ...others, [key]: value };
}

const speedKey = 'tinyseek-lab-speed';

/** Remembers how fast this machine trains, in parameters times tokens a second. */
export function rememberSpeed(activeParameters: number, tokensPerSecond: number): void {
  remember(speedKey, String(activeParameters * tokensPerSecond));
}

/** The size of the model, and the seconds that the run will take here; null before this machine has trained. */
export const advice = computed(() => {
  const { config } = resolved.value;
  if (config === null) return null;
  const { total, active } = countParameters(config.model);
  const { steps, batchSize, seqLen } = config.train;
  const speed = Number(remembered(speedKey));
  return { total, active, seconds: speed > 0 ? (steps * batchSize * seqLen * active) / speed : null };
});
