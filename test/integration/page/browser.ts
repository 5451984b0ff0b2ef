import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, afterEach, expect } from '@jest/globals';
import { launch, type Browser, type ElementHandle, type Page } from 'puppeteer-core';
import { until } from '../../support/programs.js';
import { pathOf } from '../../support/requires.js';

/** Rules for people who do not see, hear or point as others do (WCAG). */
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export interface View {
  width?: number;
  dark?: boolean;
}

/** A tab of headless Chromium. */
export interface Tab {
  page: Page;
  /** The text of the first element of a selector, empty where there is none. */
  text(selector: string): Promise<string>;
  /** Waits until the text of an element is as asked for. */
  says(selector: string, wanted: RegExp): Promise<string>;
  /** What axe finds wrong. */
  violations(): Promise<string[]>;
  /** Of the pixels of an element as they are on the screen, the share that is near a colour of the style sheet; 0 where it is hidden. */
  shareOf(selector: string, variable: string): Promise<number>;
  /** Is the page wider than the screen? */
  scrollsSideways(): Promise<boolean>;
}

/**
 * Headless Chromium for the tests of a file. After each test: no error on the console of any tab, and no request that
 * left the origin of its page, else the test fails.
 */
export function useBrowser(): (url: string, view?: View) => Promise<Tab> {
  let started: Promise<Browser> | null = null;
  const faults: string[] = [];
  const pages: Page[] = [];
  afterAll(async () => {
    await (await started)?.close();
  });
  afterEach(async () => {
    for (const page of pages.splice(0)) if (!page.isClosed()) await page.close();
    expect(faults.splice(0)).toEqual([]);
  });
  return async (url, { width = 1280, dark = false } = {}) => {
    started ??= launch({
      executablePath: pathOf('chromium') ?? 'chromium',
      args: ['--no-sandbox', '--disable-gpu'],
    });
    const browser = await started;
    const page = await browser.newPage();
    pages.push(page);
    listen(page, new URL(url).origin, faults);
    await page.setViewport({ width, height: 800 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
    await page.goto(url, { waitUntil: 'load' });
    return tabOf(page, browser);
  };
}

/** A connection that was lost on purpose is reported by Chromium itself, and is no fault of the page. */
const EXPECTED =
  /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|status of 4\d\d/;

function listen(page: Page, origin: string, faults: string[]): void {
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    const text = message.text();
    if (['error', 'warn'].includes(message.type()) && !EXPECTED.test(text)) faults.push(text);
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`a request to ${request.url()}`);
  });
}

function tabOf(page: Page, browser: Browser): Tab {
  const text: Tab['text'] = (selector) =>
    page.evaluate((query) => document.querySelector<HTMLElement>(query)?.innerText ?? '', selector);
  return {
    page,
    text,
    says: (selector, wanted) =>
      until(`${selector} says ${String(wanted)}`, async () => {
        const now = await text(selector);
        return wanted.test(now) ? now || ' ' : null;
      }),
    violations: async () => {
      // Not as a script of the page: its policy would refuse it.
      await page.evaluate(AXE);
      return page.evaluate(async () => {
        const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
        const { violations } = await axe.run();
        return violations.map(
          ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 100)).join(' ')}`,
        );
      });
    },
    shareOf: async (selector, variable) => {
      const colour = await page.evaluate(
        (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim(),
        variable,
      );
      const element = await page.$(selector);
      if (element === null) throw new Error(`no ${selector} on the page`);
      // There is no picture of what is not shown yet.
      return (await element.isVisible()) ? nearShare(browser, await shoot(element), colour) : 0;
    },
    scrollsSideways: () => page.evaluate(() => document.documentElement.scrollWidth > innerWidth),
  };
}

interface Violation {
  id: string;
  nodes: Array<{ html: string }>;
}

const shoot = (element: ElementHandle): Promise<string> => element.screenshot({ encoding: 'base64' });

/** Chromium reads the picture that it took, in a tab of its own. */
async function nearShare(browser: Browser, png: string, colour: string): Promise<number> {
  const reader = await browser.newPage();
  try {
    return await reader.evaluate(
      async (data, wanted) => {
        const picture = new Image();
        picture.src = `data:image/png;base64,${data}`;
        await picture.decode();
        const canvas = Object.assign(document.createElement('canvas'), {
          width: picture.width,
          height: picture.height,
        });
        const context = canvas.getContext('2d');
        if (context === null) throw new Error('no canvas');
        context.drawImage(picture, 0, 0);
        const { data: bytes } = context.getImageData(0, 0, canvas.width, canvas.height);
        const channels = [1, 3, 5].map((at) => Number.parseInt(wanted.slice(at, at + 2), 16));
        let near = 0;
        for (let at = 0; at < bytes.length; at += 4)
          if (channels.every((value, channel) => Math.abs((bytes[at + channel] ?? 0) - value) < 40))
            near += 1;
        return near / (bytes.length / 4);
      },
      png,
      colour,
    );
  } finally {
    await reader.close();
  }
}
