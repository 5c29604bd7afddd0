import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { loadMapFigure, sliderScript } from '../../src/report/charts/load-map.ts';
import { makeRun } from './fixture.ts';

type Page = ReturnType<typeof parseHTML>['document'];

const owner = { index: 0, name: null };

/** What every cell looks like, title included. */
function cellsOf(document: Page): string[] {
  return [...document.querySelectorAll('[data-load] rect')].map((cell) =>
    ['fill', 'fill-opacity', 'stroke']
      .map((name) => cell.getAttribute(name))
      .concat(cell.textContent)
      .join(' '),
  );
}

function pageOf(steps: number): Page {
  const figure = loadMapFigure(owner, makeRun({ steps, imbalance: 1.1, experts: 7, layers: 3 }));
  return parseHTML(`<!doctype html><html><body>${figure?.source}</body></html>`).document;
}

function runScript(document: Page): void {
  new Function('document', sliderScript)(document);
}

describe('loadMapFigure', () => {
  it('shows the last step before any script runs, and the script draws the same cells', () => {
    const document = pageOf(37);
    const drawn = cellsOf(document);
    expect(drawn).toHaveLength(3 * 7);
    expect(document.querySelector('output')?.textContent).toBe('step 37');
    runScript(document);
    expect(cellsOf(document)).toEqual(drawn);
  });

  it('marks experts without a token', () => {
    expect(cellsOf(pageOf(1)).some((cell) => cell.startsWith('var(--under) 1 var(--text)'))).toBe(true);
  });

  it('draws an earlier step when the slider moves there', () => {
    const document = pageOf(37);
    runScript(document);
    const slider = document.querySelector('input');
    slider?.setAttribute('value', '0');
    slider?.dispatchEvent(new (document.defaultView?.Event ?? Event)('input'));
    expect(document.querySelector('output')?.textContent).toBe('step 1');
    expect(cellsOf(document)).toEqual(cellsOf(pageOf(1)));
  });

  it('hides the slider when there is one step only', () => {
    const document = pageOf(1);
    runScript(document);
    expect(document.querySelector('input')?.hidden).toBe(true);
  });

  it('is null without load metrics', () => {
    expect(loadMapFigure(owner, { ...makeRun({ steps: 2 }), metrics: [] })).toBeNull();
  });
});
