// The default theme, with the fonts of the reader's machine and the lab as a component.

import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme-without-fonts';
import LabFrame from './LabFrame.vue';
import './style.css';

export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component('LabFrame', LabFrame);
  },
} satisfies Theme;
