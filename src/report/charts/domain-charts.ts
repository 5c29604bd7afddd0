// What differs between the domains of a mixed corpus: held-out bits per byte over time, and which experts each one
// uses.

import type { ModelConfig } from '../../config/model-config.ts';
import type { MetricsLine } from '../../train/events.ts';
import { type Html, html } from '../html.ts';
import { routesTokens } from '../routing.ts';
import type { RunData } from '../run-data.ts';
import { csvLink } from './csv.ts';
import { type Owner, ownedTitle, renderFigure } from './figure.ts';
import { heatMapLegend, heatMapSvg } from './heat-map.ts';
import { dottedCurve, lineFigure } from './line-chart.ts';
import { layerName } from './load-frames.ts';
import { matrixOf, partialEvaluations, pointsOf } from './points.ts';

interface DomainLoad {
  readonly name: string;
  readonly load: readonly (readonly number[])[];
}

/** Held-out bits per byte of every domain; null for a corpus of one domain. */
export function domainLossFigure(owner: Owner, { metrics }: RunData): Html | null {
  const names = domainNames(metrics, 'bits_per_byte');
  if (names.length < 2) return null;
  const chart = {
    id: `domain-bits-per-byte-${owner.index}`,
    title: ownedTitle('Held-out bits per byte by domain', owner),
    advice: 'All domains should fall; one that stalls gets too little data, or is simply harder to predict.',
    yLabel: 'bits per byte',
    note: partialEvaluations(metrics),
    curves: names.map((name, i) => dottedCurve(0, name, pointsOf(metrics, `eval/domain/${name}/bits_per_byte`), i)),
  };
  return lineFigure(chart, ['']);
}

/** Which experts each domain uses, at the last evaluation; null for one domain, or without a choice of experts. */
export function domainLoadFigure(owner: Owner, { metrics, settings: { model } }: RunData): Html | null {
  const domains = domainNames(metrics, 'load').flatMap((name) => lastLoad(metrics, name) ?? []);
  if (domains.length < 2 || !routesTokens(model)) return null;
  const id = `domain-load-${owner.index}`;
  return renderFigure({
    id,
    title: ownedTitle('Expert load by domain', owner),
    advice:
      'Experts that are strong in one domain and weak in another have specialised; maps that look alike mean they have not.',
    legend: heatMapLegend(),
    body: html`<div class="panels large">${domains.map((domain) => domainMap(domain, model))}</div>`,
    download: csvLink(id, domainsToRows(domains, model)),
    wide: true,
  });
}

function domainMap({ name, load }: DomainLoad, model: ModelConfig): Html {
  const rowNames = load.map((_, i) => layerName(model.firstKDenseReplace + i, model));
  const svg = heatMapSvg({ label: `Expert load on ${name}`, rowNames, load });
  return html`<div><h4>${name}</h4><div class="scroll">${svg}</div></div>`;
}

function domainNames(metrics: readonly MetricsLine[], metric: string): string[] {
  const prefix = 'eval/domain/';
  const suffix = `/${metric}`;
  const keys = new Set(metrics.flatMap((line) => Object.keys(line)));
  return [...keys]
    .filter((key) => key.startsWith(prefix) && key.endsWith(suffix))
    .map((key) => key.slice(prefix.length, -suffix.length));
}

function lastLoad(metrics: readonly MetricsLine[], name: string): DomainLoad | null {
  const loads = metrics.flatMap((line) => {
    const load = matrixOf(line, `eval/domain/${name}/load`);
    return load && load.length > 0 ? [load] : [];
  });
  const load = loads.at(-1);
  return load ? { name, load } : null;
}

function domainsToRows(domains: readonly DomainLoad[], model: ModelConfig): (string | number)[][] {
  const numExperts = Math.max(...domains.flatMap(({ load }) => load.map((row) => row.length)));
  const header = ['domain', 'layer', ...Array.from({ length: numExperts }, (_, e) => `expert ${e}`)];
  const rows = domains.flatMap(({ name, load }) => load.map((row, i) => [name, model.firstKDenseReplace + i, ...row]));
  return [header, ...rows];
}
