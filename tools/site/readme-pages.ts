// The README as two pages: a quick start, and an overview with all the rest.

import GithubSlugger from 'github-slugger';

/** What a newcomer tries at once; the part before the first heading comes first. */
const quickSections = ['Look around', 'Talk to it', 'Take it elsewhere'];

export interface ReadmePages {
  readonly quickStart: string;
  readonly overview: string;
  /** Anchors of the README that are on the overview. */
  readonly overviewAnchors: ReadonlySet<string>;
}

/** Takes the README apart. Throws where a section of the quick start is missing. */
export function readmePages(readme: string): ReadmePages {
  const [beginning = '', ...sections] = readme.split(/^(?=## )/m);
  const titleOf = (section: string) => /^## (.*)$/m.exec(section)?.[1] ?? '';
  const isQuick = (section: string) => quickSections.includes(titleOf(section));
  const quick = sections.filter(isQuick);
  if (quick.length < quickSections.length) throw new Error(`the README has no ${quickSections.join(', ')}`);
  const others = sections.filter((section) => !isQuick(section));
  const slugger = new GithubSlugger();
  return {
    quickStart: [beginning.replace(/^# .*$/m, '# Quick start'), ...quick].join(''),
    overview: `# Overview\n\n${others.join('')}`,
    overviewAnchors: new Set(others.map((section) => slugger.slug(titleOf(section)))),
  };
}
