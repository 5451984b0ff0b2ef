import { make, setAttribute, setText } from './elements.js';
import { usageText, type Usage } from './row.js';

/** From here on a usage is near its limit. */
const NEAR = 0.9;

/** A usage in words, with a bar of it against its limit below where there is one. */
export class UsageMeter {
  readonly element = make('div', { class: 'usage' });
  readonly #label: string;
  readonly #value = make('span', { class: 'value' });
  readonly #limit = make('span', { class: 'limit' });
  #bar: HTMLElement | null = null;

  constructor(label: string) {
    this.#label = label;
    this.element.append(make('span', { class: 'words', 'data-title': label }, this.#value, this.#limit));
  }

  show(usage: Usage): void {
    setText(this.#value, usage.value);
    setText(this.#limit, usage.limit === null ? '' : ` / ${usage.limit}`);
    if (usage.fraction === null) {
      this.#bar?.remove();
      this.#bar = null;
      return;
    }
    this.#bar ??= this.#makeBar();
    const share = usage.fraction.toFixed(3);
    setAttribute(this.#bar, 'aria-valuenow', String(Math.round(usage.fraction * 100)));
    setAttribute(this.#bar, 'aria-valuetext', usageText(usage));
    this.#bar.classList.toggle('near', usage.fraction >= NEAR);
    if (this.#bar.style.getPropertyValue('--share') !== share) this.#bar.style.setProperty('--share', share);
  }

  #makeBar(): HTMLElement {
    const bar = make('div', {
      class: 'meter',
      role: 'meter',
      'aria-label': this.#label,
      'aria-valuemin': '0',
      'aria-valuemax': '100',
    });
    this.element.append(bar);
    return bar;
  }
}
